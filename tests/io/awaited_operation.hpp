#pragma once

#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <system_error>
#include <utility>

namespace treadle::test {

/// An operation that somebody waits for.
class awaited_operation : public io::operation {
 public:
  explicit awaited_operation(thread_pool& pool) : operation(pool, &ended) {}
  [[nodiscard]] std::error_code wait(std::size_t times = 1) {
    EXPECT_TRUE(ends_.reaches(times));
    return error();
  }
  [[nodiscard]] std::size_t ends() { return ends_.get(); }

 private:
  static void ended(io::operation& self) noexcept {
    EXPECT_FALSE(self.is_under_way());
    if (!self.error()) {
      EXPECT_NE(this_worker::pool(), nullptr);
    }
    static_cast<awaited_operation&>(self).ends_.add();
  }
  tally ends_;
};

/// Both ends of a connection.
struct two_streams {
  explicit two_streams(thread_pool& pool) {
    auto at = io::listener::listen(pool, io::address::loopback(0)).value();
    auto both = coro::sync_wait(pool, meet(pool, at));
    near = std::move(both.first);
    far = std::move(both.second);
  }
  static coro::task<std::pair<io::stream, io::stream>> meet(thread_pool& pool, io::listener& at) {
    auto [connected, accepted] =
        co_await coro::when_all(io::stream::connect(pool, at.local_address().value()), at.accept());
    co_return std::pair(std::move(connected.value()), std::move(accepted.value()));
  }
  io::stream near, far;
};

}  // namespace treadle::test
