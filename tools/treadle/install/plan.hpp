#pragma once

#include "lock_file.hpp"

#include <string>

namespace tool::install {

/// What packages may ask of the machine, in npm's words.
struct platform {
  std::string os;
  std::string cpu;
  std::string libc;  ///< empty: none that npm knows

  /// Returns this machine's.
  [[nodiscard]] static platform current();
};

/// What the user does without.
struct omissions {
  bool dev = false;
  bool optional = false;
  bool peer = false;
};

/// Marks in `lock` what is not installed, and says why: other systems' packages with all that only they need, and what
/// the user omits. Throws fault for a package that is for another system and not optional.
void choose_packages(lock_file& lock, const platform& here, const omissions& without);

/// Marks an optional package that could not be had, and what only it needs. Throws nothing but std::bad_alloc.
void leave_out(lock_file& lock, package& failed, const std::string& why);

}  // namespace tool::install
