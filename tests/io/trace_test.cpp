// obs::write_trace of coroutines that wait for descriptors.
#include <dumps.hpp>
#include <tasks.hpp>
#include <traces.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace treadle::test {
namespace {

class traces_of_io : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, traces_of_io, worker_counts(), worker_count_name);

TEST_P(traces_of_io, show_what_waits_and_what_becomes_ready) {
  if (!detail::keeps_records) return;
  thread_pool pool{config()};
  io::pipe ends = io::pipe::make(pool).value();
  const auto at = here();
  auto reading = coro::spawn(
      pool,
      [](io::pipe_end& from) -> coro::task<> {
        std::array<std::byte, 16> room{};
        static_cast<void>(co_await from.read(room));
      }(ends.reads),
      {}, at.site);
  ASSERT_TRUE(dump_has(pool, {"coroutine " + at.text, " waits=readable"}));
  const std::array<std::byte, 1> one{};
  coro::sync_wait(pool, [](io::pipe_end& into, const std::array<std::byte, 1>& what) -> coro::task<> {
    static_cast<void>(co_await into.write(what));
  }(ends.writes, one));
  reading.wait();
  ASSERT_FALSE(pool.drain());
  const trace seen(pool);
  EXPECT_FALSE(seen.with({"\"ph\":\"i\"", "\"cat\":\"io\"", "\"what\":\"begin\"", "\"descriptor\":"}).empty())
      << seen.text;
  const std::string ready = seen.first({"\"ph\":\"i\"", "\"cat\":\"io\"", "\"what\":\"end\""});
  ASSERT_NE(ready, "") << seen.text;
  const std::string flow = "\"flow\":" + std::to_string(static_cast<std::uint64_t>(value_in(ready, "flow"))) + ",";
  EXPECT_FALSE(seen.with({"\"cat\":\"run\"", flow, at.text}).empty()) << seen.text;
}

}  // namespace
}  // namespace treadle::test
