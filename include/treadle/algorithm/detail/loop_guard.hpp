#pragma once

#include <treadle/algorithm/with.hpp>
#include <treadle/errc.hpp>
#include <treadle/stop_token.hpp>

#include <atomic>
#include <cstddef>
#include <system_error>

namespace treadle::detail {

/// Knows whether a loop shall go on. All workers of the loop ask it; it lies in the frame that waits for them.
class loop_guard {
 public:
  explicit loop_guard(const loop_terms& terms) noexcept : terms_(terms) {}

  [[nodiscard]] std::size_t grain() const noexcept { return terms_.grain; }

  /// Says whether some part has thrown: no other needs to start. Relaxed: it only saves work; who gets the exception
  /// learns of it at a join.
  [[nodiscard]] bool has_failed() const noexcept { return failed_.load(std::memory_order_relaxed); }

  /// Says whether no further part may start; throws if a stop is why.
  bool must_stop() {
    if (has_failed()) return true;
    if (terms_.stop == nullptr || !terms_.stop->stop_requested()) [[likely]]
      return false;
    fail();
    throw std::system_error(make_error_code(errc::cancelled), "treadle: a stop was requested in a loop");
  }

  /// Calls `part()`, and remembers if it throws.
  template <class Part>
  [[gnu::always_inline]] decltype(auto) attempt(Part&& part) noexcept(noexcept(part())) {
    if constexpr (noexcept(part())) {
      return part();
    } else {
      try {
        return part();
      } catch (...) {
        fail();
        throw;
      }
    }
  }

 private:
  void fail() noexcept { failed_.store(true, std::memory_order_relaxed); }

  const loop_terms terms_;
  std::atomic<bool> failed_{false};
};

}  // namespace treadle::detail
