#pragma once

#include "../os/io/file.hpp"
#include "attempt.hpp"

#include <treadle/blocking.hpp>
#include <treadle/coro/locals.hpp>
#include <treadle/errc.hpp>
#include <treadle/io/file_status.hpp>

#include <string>

namespace treadle::io::detail {

/// Calls `f`, which waits for a disk, while another worker takes this one's place. Returns what `f` does.
template <class F>
auto at_disk(F&& f) {
  const treadle::detail::blocking_section section(treadle::detail::wait_kind::file);
  return f();
}

/// The same, but not at all if the coroutine was asked to stop. Returns what `f` does, a result.
template <class F>
auto off_worker(F&& f) -> decltype(f()) {
  if (coro::this_coro::stop_requested()) return errc::cancelled;
  return at_disk(f);
}

inline result<void> outcome_of(int returned) noexcept {
  return returned != 0 ? system_error_of(returned) : std::error_code{};
}

/// Where a zero byte is, the system would see the end.
inline bool is_path(const std::string& text) noexcept { return text.find('\0') == std::string::npos; }

inline file_status status_of(const treadle::detail::os::file_facts& facts) noexcept {
  file_status made;
  made.what = static_cast<file_status::kind>(facts.what);
  made.bytes = facts.bytes;
  made.permissions = facts.permissions;
  made.modified = decltype(made.modified)(std::chrono::nanoseconds(facts.modified_ns));
  made.device = facts.device;
  made.inode = facts.inode;
  return made;
}

}  // namespace treadle::io::detail
