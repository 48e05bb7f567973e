#pragma once

#include "../process/programs/check.hpp"
#include "injector.hpp"

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <atomic>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

namespace treadle::test {

inline pool_config with_threads(std::uint32_t count) {
  pool_config config;
  config.max_threads = count;
  config.spin_ns = -1;
  return config;
}

/// Hears what the parts of a program end with. One that failed may take others with it, but then somebody has said why.
class witness {
 public:
  void hear(const std::error_code& error) noexcept {
    const injector::exemption own;
    if (!error) return;
    if (is_the_cause(error)) {
      cause_ = true;
      return;
    }
    if (!follows(error)) std::fprintf(stderr, "unexpected: %s, ", error.message().c_str());
    CHECK(follows(error));
    consequence_ = true;
  }
  /// In a handler.
  void hear_exception() noexcept {
    try {
      throw;
    } catch (const std::system_error& thrown) {
      hear(thrown.code());
    } catch (const std::bad_alloc&) {
      CHECK(injector::armed().error == ENOMEM);
      cause_ = true;
    }
  }
  [[nodiscard]] bool heard() const noexcept { return cause_ || consequence_; }
  void check() const noexcept { CHECK(cause_ || !consequence_); }

 private:
  static bool is_the_cause(const std::error_code& error) noexcept {
    const injector::point& armed = injector::armed();
    if (error == make_error_code(errc::out_of_memory)) return armed.error == ENOMEM;
    // Nobody looks into the driver of another pool that gets no thread.
    if (error == std::errc::resource_unavailable_try_again) return !armed.io_only;
    return armed.io_only && armed.reported && error == std::error_code(armed.error, std::system_category());
  }
  /// What becomes of those who had to do with one that failed.
  static bool follows(const std::error_code& error) noexcept {
    return error == make_error_code(errc::cancelled) || error == std::errc::connection_reset ||
           error == std::errc::broken_pipe || error == std::errc::not_connected;
  }

  std::atomic<bool> cause_{false}, consequence_{false};
};

/// Runs a coroutine, of which the witness hears how it ended.
inline coro::task<> heard(witness& by, coro::task<> body) {
  try {
    co_await std::move(body);
  } catch (...) {
    by.hear_exception();
    throw;
  }
}

/// Runs the coroutine that `make` returns.
template <class F>
void run(thread_pool& pool, witness& seen, F&& make) {
  try {
    coro::sync_wait(pool, make());
  } catch (...) {
    seen.hear_exception();
  }
}

}  // namespace treadle::test
