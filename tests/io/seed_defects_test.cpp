#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <netdb.h>
#include <time.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

// What was wrong with the seed's I/O in its idle loop, one by one. Its steps are not here to be switched back on: the
// driver is another.

namespace {

std::atomic<bool> names_are_slow{false};
std::atomic<int> asked_for_names{0};

}  // namespace

/// The system's own, which takes its time over names when a test wants it to.
extern "C" int getaddrinfo(const char* __restrict host, const char* __restrict service,
                           const addrinfo* __restrict hints, addrinfo** __restrict found) {
  const bool asks_somebody = hints == nullptr || (hints->ai_flags & AI_NUMERICHOST) == 0;
  if (asks_somebody) ++asked_for_names;
  while (asks_somebody && names_are_slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  static const auto the_systems = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return the_systems(host, service, hints, found);
}

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

class seed_io : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, seed_io, worker_counts(), worker_count_name);

io::pipe made_pipe(thread_pool& pool) { return io::pipe::make(pool).value(); }

/// Reads `count` bytes one at a time.
coro::task<std::size_t> sips(io::pipe_end& from, std::size_t count) {
  std::size_t sum = 0;
  std::array<std::byte, 1> one{};
  for (std::size_t i = 0; i < count; ++i) {
    if ((co_await from.read(one)).value() != 1) break;
    sum += std::to_integer<std::size_t>(one[0]);
  }
  co_return sum;
}

void drop_into(io::pipe& pipe, unsigned char byte) { ASSERT_EQ(::write(pipe.writes.handle().number(), &byte, 1), 1); }

bool all_sleep(thread_pool& pool) {
  const pool_stats now = pool.stats();
  return now.threads != 0 && now.parked == now.threads;
}

std::chrono::nanoseconds cpu_time() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// With something to wait for and nothing to do, the seed's idle workers took 15 % of a processor.
TEST(seed_io_idle, seed_defect_27) {
  thread_pool pool{pool_config{.max_threads = 4}};
  io::pipe pipe = made_pipe(pool);
  auto waiting = coro::spawn(pool, sips(pipe.reads, 1));
  ASSERT_TRUE(eventually([&] { return all_sleep(pool); }));
  std::this_thread::sleep_for(20ms);
  const auto before = cpu_time();
  std::this_thread::sleep_for(400ms);
  EXPECT_LT(cpu_time() - before, 20ms);
  drop_into(pipe, 1);
  EXPECT_EQ(waiting.wait(), 1u);
}

/// A completion could not wake a worker that slept on its own event: all who parked before there was anything to watch.
TEST_P(seed_io, seed_defect_28) {
  thread_pool pool{config()};
  {
    occupation all;
    ASSERT_TRUE(all.hold(pool, workers()));
  }
  ASSERT_TRUE(eventually([&] { return all_sleep(pool); }));
  io::pipe pipe = made_pipe(pool);
  auto waiting = coro::spawn(pool, sips(pipe.reads, 2));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(eventually([&] { return all_sleep(pool); }));
    drop_into(pipe, 1);
  }
  EXPECT_EQ(waiting.wait(), 2u);
}

/// Nor could a task wake one that waited for completions.
TEST(seed_io_wakes, seed_defect_29) {
  thread_pool pool{pool_config{.max_threads = 1}};
  io::pipe pipe = made_pipe(pool);
  auto waiting = coro::spawn(pool, sips(pipe.reads, 1));
  ASSERT_TRUE(eventually([&] { return all_sleep(pool); }));
  tally ran;
  ASSERT_FALSE(pool.post([&] { ran.add(); }));
  EXPECT_TRUE(ran.reaches(1));
  drop_into(pipe, 1);
  EXPECT_EQ(waiting.wait(), 1u);
}

/// The limit was looked at when everything that was queued had been started.
TEST_P(seed_io, seed_defect_30) {
  constexpr int limit = 3, flows = 12;
  thread_pool pool{config()};
  io::pipe pipe = made_pipe(pool);
  io::limiter limited(limit);
  std::atomic<int> started{0}, ended{0}, most{0};
  const auto reads = [&](io::limiter& of, io::pipe_end& from) -> coro::task<> {
    const auto permit = co_await of.acquire();
    const int under_way = ++started - ended;
    int before = most;
    while (before < under_way && !most.compare_exchange_weak(before, under_way)) {
    }
    const std::size_t sum = co_await sips(from, 1);
    EXPECT_EQ(sum, 1u);
    ++ended;
  };
  std::vector<coro::join_handle<void>> all;
  for (int i = 0; i < flows; ++i) all.push_back(coro::spawn(pool, reads(limited, pipe.reads)));
  for (int i = 0; i < flows; ++i) {
    const int expected = i + limit < flows ? i + limit : flows;
    EXPECT_TRUE(eventually([&] { return started == expected; })) << started << " after " << i << " bytes";
    drop_into(pipe, 1);
  }
  for (auto& each : all) each.wait();
  EXPECT_LE(most, limit);
}

/// The seed looked for completions only with nothing queued: a worker that always had something to do served none.
TEST(seed_io_starved, seed_defect_31) {
  struct chain : task {
    thread_pool* pool = nullptr;
    std::atomic<bool> ends{false};
    std::atomic<std::uint64_t> links{0};
    tally ended;
  };
  thread_pool pool{pool_config{.max_threads = 1}};
  chain always;
  always.pool = &pool;
  always.callback = [](task* one) noexcept {
    auto* const self = static_cast<chain*>(one);
    ++self->links;
    if (self->ends) return self->ended.add();
    static_cast<void>(self->pool->schedule(*self));
  };
  io::pipe pipe = made_pipe(pool);
  tally served;
  const auto reads = [&](io::pipe_end& from) -> coro::task<> {
    const std::size_t sum = co_await sips(from, 1);
    EXPECT_EQ(sum, 1u);
    served.add();
  };
  auto waiting = coro::spawn(pool, reads(pipe.reads));
  ASSERT_TRUE(eventually([&] { return all_sleep(pool); }));
  ASSERT_FALSE(pool.schedule(always));
  ASSERT_TRUE(eventually([&] { return always.links > 100; }));
  drop_into(pipe, 1);
  EXPECT_TRUE(served.reaches(1)) << "while the chain goes on";
  EXPECT_FALSE(always.ended.get());
  always.ends = true;
  EXPECT_TRUE(always.ended.reaches(1));
  waiting.wait();
}

/// Any worker called the one ring, which is made for one thread, and what failed there went nowhere.
TEST_P(seed_io, seed_defect_32) {
  constexpr std::size_t count = 40, bytes = 25;
  thread_pool pool{config()};
  std::vector<io::pipe> pipes;
  std::vector<coro::join_handle<std::size_t>> all;
  for (std::size_t i = 0; i < count; ++i) pipes.push_back(made_pipe(pool));
  for (io::pipe& each : pipes) all.push_back(coro::spawn(pool, sips(each.reads, bytes)));
  for (std::size_t i = 0; i < bytes; ++i) {
    for (io::pipe& each : pipes) drop_into(each, 2);
  }
  for (auto& each : all) EXPECT_EQ(each.wait(), 2 * bytes);
  pipes[0].reads.close();
  EXPECT_EQ(coro::sync_wait(pool, pipes[0].writes.write_all(std::as_bytes(std::span("x")))).error(),
            std::errc::broken_pipe);
}

/// A name that took its time to resolve held up the whole pool.
TEST(seed_io_names, seed_defect_34) {
  thread_pool pool{pool_config{.max_threads = 1}};
  const int asked_before = asked_for_names;
  names_are_slow = true;
  auto asking = coro::spawn(pool, io::resolve(pool, "localhost", "80"));
  EXPECT_TRUE(eventually([&] { return asked_for_names > asked_before; }));
  io::pipe pipe = made_pipe(pool);
  auto reading = coro::spawn(pool, sips(pipe.reads, 1));
  tally ran;
  EXPECT_FALSE(pool.post([&] { ran.add(); }));
  EXPECT_TRUE(ran.reaches(1));
  drop_into(pipe, 1);
  EXPECT_EQ(reading.wait(), 1u);
  names_are_slow = false;
  EXPECT_FALSE(asking.wait().error());
}

}  // namespace
}  // namespace treadle::test
