#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/sign.hpp>

#include <utility>

namespace treadle {

namespace detail {

/// Gives this worker's slot away for the life of the object. Outside a pool it does nothing.
class TREADLE_EXPORT blocking_section {
 public:
  /// `why`: for who looks what is stuck.
  explicit blocking_section(wait_kind why = wait_kind::section) noexcept;
  ~blocking_section();
  blocking_section(const blocking_section&) = delete;
  blocking_section& operator=(const blocking_section&) = delete;

 private:
  void* worker_;
};

}  // namespace detail

/// Calls `f`, which is about to block, and lets a spare worker take this worker's place meanwhile. When `f` returns the
/// worker goes on at once; the next worker to finish a task while there are more than `max_threads` parks.
/// Call it on any thread; outside a pool it just calls `f`. Returns what `f` returns; its exceptions pass through.
template <class F>
decltype(auto) blocking(F&& f) {
  const detail::blocking_section section;
  return std::forward<F>(f)();
}

}  // namespace treadle
