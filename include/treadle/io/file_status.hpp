#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/result.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace treadle::io {

/// What the system knows of a file.
struct file_status {
  enum class kind { regular, directory, link, other };

  kind what = kind::other;
  std::uint64_t bytes = 0;
  std::uint32_t permissions = 0;  ///< the lower twelve bits of its mode
  std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds> modified;
  std::uint64_t device = 0, inode = 0;  ///< together: which file it is, whatever its name

  [[nodiscard]] bool is_same_file(const file_status& other) const noexcept {
    return device == other.device && inode == other.inode;
  }
};

// Operations on names. All are coroutines, on whatever pool they run; another worker takes this one's place meanwhile,
// as with `treadle::blocking`. No request to stop ends one that has begun. They fail with the errors of the system
// call, with `errc::cancelled` if the coroutine was asked to stop before, and with `std::errc::invalid_argument` if a
// path holds a zero byte.

/// Returns what the system knows of the file at `path`; a link is followed.
TREADLE_EXPORT coro::task<result<file_status>> stat(std::string path);
/// Gives a file or directory another name in the same file system, and replaces what had that name, in one step.
TREADLE_EXPORT coro::task<result<void>> rename(std::string from, std::string to);
/// Removes the name of a file; with the last one that is open, the file.
TREADLE_EXPORT coro::task<result<void>> unlink(std::string path);
/// Makes a directory in one that exists. `permissions`: less the process's umask.
TREADLE_EXPORT coro::task<result<void>> mkdir(std::string path, unsigned permissions = 0777);

}  // namespace treadle::io
