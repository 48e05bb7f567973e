#pragma once

#include <treadle/http/headers.hpp>

#include <string>

namespace treadle::http {

/// What a server has answered, whole. Any status is a response: 404 is no error of the transfer.
struct response {
  int status = 0;
  http::headers headers{};
  std::string body{};
  std::string url{};  ///< where it comes from, after redirects
};

}  // namespace treadle::http
