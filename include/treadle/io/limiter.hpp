#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/semaphore.hpp>
#include <treadle/coro/task.hpp>

#include <cstddef>
#include <utility>

namespace treadle::io {

/// Limits how many operations are started at a time, first come first served: who has its permit has started, who waits
/// holds neither a thread nor a descriptor. Limits nest, for example one for each host within one for all. Must outlive
/// every wait for it and every permit.
class TREADLE_EXPORT limiter {
 public:
  /// The right to have one operation under way, held until it is destroyed. Move-only; may be given back on any thread.
  class [[nodiscard]] permit {
   public:
    permit() noexcept = default;
    permit(permit&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    permit& operator=(permit&& other) noexcept {
      if (this != &other) {
        release();
        of_ = std::exchange(other.of_, nullptr);
      }
      return *this;
    }
    permit(const permit&) = delete;
    permit& operator=(const permit&) = delete;
    ~permit() { release(); }

    /// Gives it back now, to whoever has waited longest. Any thread; does not block.
    void release() noexcept;
    explicit operator bool() const noexcept { return of_ != nullptr; }

   private:
    friend class limiter;
    explicit permit(limiter& of) noexcept : of_(&of) {}
    limiter* of_ = nullptr;
  };

  /// Lets `most_started` operations start, and no more than `within` lets, which must outlive this.
  constexpr explicit limiter(std::size_t most_started, limiter* within = nullptr) noexcept
      : free_(most_started), within_(within) {}
  limiter(const limiter&) = delete;
  limiter& operator=(const limiter&) = delete;

  /// Suspends until one more may start, here and then in each limiter around this: who waits for the total keeps its
  /// place among its own kind, and keeps nobody else out. Throws `errc::cancelled`, without a permit, if the coroutine
  /// was asked to stop before; std::bad_alloc.
  coro::task<permit> acquire();
  /// Returns a permit if there is one right now, else an empty one. Any thread; does not block.
  permit try_acquire() noexcept;

 private:
  coro::semaphore free_;
  limiter* const within_;
};

}  // namespace treadle::io
