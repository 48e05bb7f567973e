// thread_pool::dump of coroutines that wait for descriptors.
#include <dumps.hpp>
#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace treadle::test {
namespace {

class dumps_of_io : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, dumps_of_io, worker_counts(), worker_count_name);

coro::task<> receives(io::stream& from) {
  std::array<std::byte, 16> room{};
  static_cast<void>(co_await from.recv(room));
}
coro::task<> sends(io::stream& to) {
  const std::vector<std::byte> much(16 << 20);
  static_cast<void>(co_await to.send_all(much));
}
coro::task<> accepts(io::listener& at, io::stream& into) { into = (co_await at.accept()).value(); }
coro::task<> connects(thread_pool& pool, io::address to, io::stream& into) {
  into = (co_await io::stream::connect(pool, to)).value();
}

TEST_P(dumps_of_io, name_the_descriptor_and_the_direction) {
  thread_pool pool{config()};
  io::listener listening = io::listener::listen(pool, io::address::loopback(0)).value();
  io::stream here_end, there_end;
  const auto accepts_at = here(), receives_at = here(), sends_at = here();
  auto accepting = coro::spawn(pool, accepts(listening, there_end), {}, accepts_at.site);
  EXPECT_TRUE(dump_has(pool, {"coroutine " + accepts_at.text, " waits=readable descriptor="}));
  coro::sync_wait(pool, connects(pool, listening.local_address().value(), here_end));
  accepting.wait();

  auto receiving = coro::spawn(pool, receives(here_end), {}, receives_at.site);
  EXPECT_TRUE(dump_has(pool, {"coroutine " + receives_at.text,
                              " waits=readable descriptor=" + std::to_string(here_end.socket().number()) + " for<="}));
  auto sending = coro::spawn(pool, sends(here_end), {}, sends_at.site);
  EXPECT_TRUE(dump_has(pool, {"coroutine " + sends_at.text,
                              " waits=writable descriptor=" + std::to_string(here_end.socket().number()) + " "}));
  // What waits in rings is not watched.
  const bool in_rings = io::current_backend().rings == io::backend::rings_for::everything;
  EXPECT_TRUE(dump_has(pool, {"queues ", in_rings ? " descriptors=" : " descriptors=2 "}));
  EXPECT_TRUE(dump_has(pool, {"coroutines waiting=2 listed=2 readable=1 writable=1\n"}));
  there_end.close();
  receiving.wait();
  sending.wait();
}

TEST_P(dumps_of_io, name_what_waits_for_a_limiter) {
  thread_pool pool{config()};
  const auto at = here();
  io::limiter none(0);
  auto waiting = coro::spawn(
      pool, [](io::limiter& of) -> coro::task<> { static_cast<void>(co_await of.acquire()); }(none), {}, at.site);
  EXPECT_TRUE(dump_has(pool, {"coroutine " + at.text, " waits=semaphore "}));
  waiting.request_stop();
  EXPECT_THROW(waiting.wait(), std::system_error);
}

}  // namespace
}  // namespace treadle::test
