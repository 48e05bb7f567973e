#pragma once

#include "limits.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>

namespace treadle::test {

/// Polls until `condition()` holds. Returns false when the time is up.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition, std::chrono::nanoseconds limit = patience) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (int round = 0; !condition(); ++round) {
    if (std::chrono::steady_clock::now() > deadline) return condition();
    if (round < 50) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  return true;
}

/// Closed until `open`, then open for good. A wait that takes too long is a failure of the test.
class gate {
 public:
  gate() = default;
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  void open() {
    // Notified under the lock: the gate may be destroyed as soon as a waiter has passed it.
    const std::lock_guard<std::mutex> lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }
  bool pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    // In slices: the condition variable of glibc 2.36 can lose a wake-up.
    while (!is_open_ && std::chrono::steady_clock::now() < deadline) {
      changed_.wait_for(lock, std::chrono::milliseconds(50));
    }
    if (!is_open_) ADD_FAILURE() << "nobody opened the gate";
    return is_open_;
  }
  [[nodiscard]] bool is_open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return is_open_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_open_ = false;
};

/// A count that several threads raise and one waits for.
class tally {
 public:
  void add(std::size_t by = 1) noexcept { count_.fetch_add(by, std::memory_order_acq_rel); }
  [[nodiscard]] std::size_t get() const noexcept { return count_.load(std::memory_order_acquire); }
  [[nodiscard]] bool reaches(std::size_t goal, std::chrono::nanoseconds limit = patience) const {
    return eventually([&] { return get() >= goal; }, limit);
  }

 private:
  std::atomic<std::size_t> count_{0};
};

}  // namespace treadle::test
