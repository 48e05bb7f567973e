#pragma once

#include <treadle/detail/sign.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace treadle::detail {

/// Returns what a dump and a trace call a wait.
[[nodiscard]] inline std::string_view name_of(wait_kind kind) noexcept {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(wait_kind::count)> names = {
      "nothing",  "other",    "mutex",    "semaphore", "latch",    "event", "join",  "scope",   "channel", "sleep",
      "readable", "writable", "branches", "future",    "children", "graph", "quiet", "section", "file",    "fork"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace treadle::detail
