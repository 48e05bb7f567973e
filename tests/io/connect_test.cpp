#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Several addresses raced against each other, all of this machine: some refuse, some never answer, some do.

namespace treadle::test {
namespace {

using coro::sync_wait;
using io::address;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

class races : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, races, worker_counts(), worker_count_name);

/// A listener with no room for one more, which nobody empties: who connects gets no answer.
class black_hole {
 public:
  explicit black_hole(thread_pool& pool)
      : at_(io::listener::listen(pool, address::loopback(0), {.backlog = 0}).value()) {
    // The kernel lets in one more than the backlog; the one after that waits.
    for (int i = 0; i < 4; ++i) {
      auto made = sync_wait(pool, [](thread_pool& runs_on, address to) -> coro::task<result<io::stream>> {
        co_return co_await coro::with_timeout(50ms, io::stream::connect(runs_on, to));
      }(pool, where()));
      if (!made) return;
      inside_.push_back(*std::move(made));
    }
    ADD_FAILURE() << "it answers";
  }
  [[nodiscard]] address where() const { return at_.local_address().value(); }

 private:
  io::listener at_;
  std::vector<io::stream> inside_;
};

/// Where nobody listens: a port that was free a moment ago.
address refusal(thread_pool& pool, const char* host = "127.0.0.1") {
  return io::listener::listen(pool, address::ip(host, 0).value()).value().local_address().value();
}

io::connect_options after(std::chrono::nanoseconds delay, std::vector<io::connect_failure>* failures = nullptr) {
  return {delay, failures};
}

TEST_P(races, are_won_by_whoever_answers) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, address::loopback(0)).value();
  const address here = at.local_address().value();
  auto won = sync_wait(pool, io::connect(pool, {refusal(pool), here}, after(1h)));
  ASSERT_TRUE(won.has_value()) << won.error();
  EXPECT_EQ(sync_wait(pool, at.accept())->local_address()->text(), here.text());
  EXPECT_TRUE(sync_wait(pool, io::connect(pool, {here, refusal(pool)}, after(1h))).has_value());
  EXPECT_EQ(sync_wait(pool, io::connect(pool, std::vector<address>())).error(), std::errc::invalid_argument);
}

/// Whoever does not answer is not waited for, and is out of the way when the race is over.
TEST_P(races, go_on_beside_who_does_not_answer) {
  thread_pool pool{config()};
  const black_hole first(pool), second(pool);
  auto at = io::listener::listen(pool, address::loopback(0)).value();
  const auto start = steady::now();
  auto won =
      sync_wait(pool, io::connect(pool, {first.where(), second.where(), at.local_address().value()}, after(20ms)));
  ASSERT_TRUE(won.has_value()) << won.error();
  const auto took = steady::now() - start;
  EXPECT_GE(took, 40ms);
  EXPECT_LT(took, 900ms);  // an attempt is repeated by the kernel after a second
}

TEST_P(races, report_all_who_failed_in_their_order) {
  thread_pool pool{config()};
  std::vector<address> given;
  for (int i = 0; i < 3; ++i) given.push_back(refusal(pool, "::1"));
  for (int i = 0; i < 2; ++i) given.push_back(refusal(pool));
  std::vector<io::connect_failure> failures;
  const auto lost = sync_wait(pool, io::connect(pool, given, after(1h, &failures)));
  EXPECT_EQ(lost.error(), std::errc::connection_refused);
  ASSERT_EQ(failures.size(), 5u);
  // The families take turns.
  const std::array<std::size_t, 5> order{0, 3, 1, 4, 2};
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(failures[i].to.text(), given[order[i]].text());
    EXPECT_EQ(failures[i].why, std::errc::connection_refused);
  }
}

TEST_P(races, end_when_asked_to_stop) {
  thread_pool pool{config()};
  const black_hole nobody(pool);
  std::vector<io::connect_failure> failures;
  for (std::size_t round = 0; round < 10; ++round) {
    auto racing = coro::spawn(pool, io::connect(pool, {nobody.where(), nobody.where()}, after(1ms, &failures)));
    if (round % 2 == 0) std::this_thread::sleep_for(2ms);
    racing.request_stop();
    EXPECT_EQ(racing.wait().error(), make_error_code(errc::cancelled));
  }
  EXPECT_EQ(sync_wait(pool,
                      [](thread_pool& runs_on, address to) -> coro::task<std::error_code> {
                        co_return (co_await coro::with_timeout(
                                       5ms, io::connect(runs_on, std::vector<address>(2, to), after(1ms))))
                            .error();
                      }(pool, nobody.where())),
            make_error_code(errc::timed_out));
  EXPECT_TRUE(failures.empty());
  auto last = coro::spawn(pool, io::connect(pool, {nobody.where()}));
  ASSERT_FALSE(pool.join());
  const std::error_code why = last.wait().error();
  EXPECT_TRUE(why == errc::shut_down || why == errc::cancelled) << why;
}

/// "localhost" may give ::1 first, where nobody listens.
TEST_P(races, by_name) {
  thread_pool pool{config()};
  auto at = io::listener::listen(pool, address::loopback(0)).value();
  const std::string port = std::to_string(at.local_address()->port());
  EXPECT_TRUE(sync_wait(pool, io::connect(pool, "localhost", port)).has_value());
  EXPECT_EQ(sync_wait(pool, io::connect(pool, "127.0.0.1", "no-such-service")).error(),
            make_error_code(io::resolve_errc::service_not_found));
}

}  // namespace
}  // namespace treadle::test
