#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>
#include <treadle/detail/poll_event.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// What a pool has of the world outside: a driver, how many descriptors it watches, and who sleeps in it. Descriptors
/// that nobody watches are work that is left. docs/design/io.md.
template <class P, class Task>
class polling {
 public:
  using driver_type = poll_driver<Task>;

  constexpr polling() noexcept = default;

  /// Gives the pool its driver. Returns false if it has one already.
  [[nodiscard]] bool adopt_driver(driver_type& made) noexcept {
    driver_type* none = nullptr;
    // E-DRIVER: who finds the driver finds it made. Who is too late looks for it with `driver`.
    return driver_.compare_exchange_strong(none, &made, std::memory_order_release, std::memory_order_relaxed);
  }
  /// Returns null if there has been nothing to watch yet.
  [[nodiscard]] driver_type* driver() const noexcept {
    return driver_.load(std::memory_order_acquire);  // E-DRIVER
  }

  /// Returns how many descriptors are watched. A snapshot, any thread.
  [[nodiscard]] std::uint32_t source_count() const noexcept {
    return static_cast<std::uint32_t>(sources_.load(std::memory_order_relaxed) % one_passing);
  }
  /// One descriptor fewer, or with `passing` a ring that has nothing to do any more.
  void remove_source(bool passing = false) noexcept {
    sources_.fetch_sub(passing ? one_passing : 1, std::memory_order_relaxed);
  }

  /// Says whether there is something to watch, and no worker that sleeps with an eye on it. After a barrier that
  /// follows the adding of a source, or the getting up.
  [[nodiscard]] bool io_is_unwatched() const noexcept {
    return sources_.load(std::memory_order_relaxed) != 0 && !poll_.has_waiters();
  }

 protected:
  /// One descriptor more, which somebody has to be told of. `passing`: its watcher may give it up when it retires.
  void count_source(bool passing = false) noexcept {
    sources_.fetch_add(passing ? one_passing : 1, std::memory_order_release);  // E-WATCH
  }
  /// Says whether one who watches alone has to stay.
  [[nodiscard]] bool has_lasting_sources() const noexcept {
    return sources_.load(std::memory_order_relaxed) % one_passing != 0;
  }
  /// Who finds one finds the driver, too.
  [[nodiscard]] bool has_sources() const noexcept {
    return sources_.load(std::memory_order_acquire) != 0;  // E-WATCH
  }

  /// For who has found a source, or has chosen one who sleeps in the driver: then it is seen.
  [[nodiscard]] driver_type& driver_in_use() const noexcept {
    driver_type* const found = driver();
    TREADLE_ASSERT(found != nullptr, sources_.load(std::memory_order_relaxed), 0);
    return *found;
  }

  // Looked at in each search; the event changes with each sleep in the driver.
 private:
  typename P::template atomic<driver_type*> driver_{nullptr};
  static constexpr std::uint64_t one_passing = std::uint64_t{1} << 32;
  typename P::template atomic<std::uint64_t> sources_{0};

 protected:
  alignas(TREADLE_CACHE_LINE) poll_event<P, Task> poll_;
};

}  // namespace treadle::detail
