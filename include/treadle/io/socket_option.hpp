#pragma once

namespace treadle::io {

/// One of the system's options that are a number or a switch, as setsockopt(2) names them.
struct socket_option {
  int level = 0;
  int name = 0;
  int value = 0;
};

}  // namespace treadle::io
