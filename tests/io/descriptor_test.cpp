#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Descriptors of others' making: pipes. And what a pool that watches costs while nothing happens.

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class descriptors : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, descriptors, worker_counts(), worker_count_name);

/// A pipe, both ends of it watched.
struct watched_pipe {
  explicit watched_pipe(thread_pool& pool) {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    reads = io::descriptor::adopt(pool, ends[0]).value();
    writes = io::descriptor::adopt(pool, ends[1]).value();
  }
  io::descriptor reads, writes;
};

coro::task<> pours(io::descriptor& into, std::size_t bytes) {
  const std::vector<char> block(10'000, 'x');
  while (bytes != 0) {
    const ssize_t written = write(into.number(), block.data(), bytes < block.size() ? bytes : block.size());
    if (written > 0) {
      bytes -= static_cast<std::size_t>(written);
    } else {
      (co_await into.writable()).value();
    }
  }
  into.close();
}

coro::task<std::size_t> drinks(io::descriptor& from) {
  std::vector<char> room(3'000);
  std::size_t bytes = 0;
  for (;;) {
    // Reads once a wait, so that what is left behind has to be told of again.
    (co_await from.readable()).value();
    const ssize_t got = read(from.number(), room.data(), room.size());
    if (got == 0) co_return bytes;
    if (got > 0) bytes += static_cast<std::size_t>(got);
  }
}

TEST_P(descriptors, of_a_pipe_tell_when_to_read_and_write) {
  thread_pool pool{config()};
  watched_pipe pipe(pool);
  const std::size_t bytes = smaller_if_slow(3'000'000);
  sync_wait(pool, [](watched_pipe& both, std::size_t count) -> coro::task<> {
    auto [poured, drunk] = co_await coro::when_all(pours(both.writes, count), drinks(both.reads));
    static_cast<void>(poured);
    EXPECT_EQ(drunk, count);
  }(pipe, bytes));
}

TEST_P(descriptors, that_cannot_be_watched_say_so) {
  thread_pool pool{config()};
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  auto adopted = io::descriptor::adopt(pool, file).value();
  // A file can be read at any time; to be told when is what it cannot.
  EXPECT_TRUE(sync_wait(pool, adopted.readable()).has_value());
  EXPECT_EQ(adopted.release(), file);
  EXPECT_FALSE(adopted);
  EXPECT_EQ(close(file), 0);
  EXPECT_EQ(io::descriptor::adopt(pool, file).error(), std::errc::bad_file_descriptor);
}

coro::task<std::error_code> waits(io::descriptor& at) { co_return (co_await at.readable()).error(); }

/// The place of one that is closed is used again, with events of its first life still on their way.
TEST_P(descriptors, are_opened_and_closed_in_a_row) {
  thread_pool pool{config()};
  for (std::size_t i = 0; i < repetitions(200); ++i) {
    watched_pipe pipe(pool);
    auto waiting = coro::spawn(pool, waits(pipe.reads));
    if (i % 2 == 0) {
      ASSERT_EQ(write(pipe.writes.number(), "x", 1), 1);
      EXPECT_FALSE(waiting.wait());
    } else {
      waiting.request_stop();
      EXPECT_EQ(waiting.wait(), make_error_code(errc::cancelled));
    }
  }
}

TEST_P(descriptors, are_waited_for_by_many) {
  thread_pool pool{config()};
  watched_pipe pipe(pool);
  std::vector<coro::join_handle<std::error_code>> all;
  for (int i = 0; i < 20; ++i) all.push_back(coro::spawn(pool, waits(pipe.reads)));
  ASSERT_EQ(write(pipe.writes.number(), "x", 1), 1);
  for (auto& each : all) EXPECT_FALSE(each.wait());
}

/// To own one is no work for its pool, to wait for it is.
TEST_P(descriptors, of_a_pool_that_has_ended_are_waited_for_in_vain) {
  thread_pool pool{config()};
  watched_pipe pipe(pool);
  ASSERT_FALSE(pool.join());
  watched_pipe late(pool);
  thread_pool other{config()};
  EXPECT_EQ(coro::spawn(other, waits(pipe.reads)).wait(), make_error_code(errc::shut_down));
  EXPECT_EQ(coro::spawn(other, waits(late.reads)).wait(), make_error_code(errc::shut_down));
}

/// A child shares the epoll instance of its parent: what it lets go of, the parent still watches.
TEST_P(descriptors, are_the_parents_after_fork) {
  thread_pool pool{config()};
  watched_pipe pipe(pool);
  auto waiting = coro::spawn(pool, waits(pipe.reads));
  ASSERT_TRUE(eventually([&] { return pool.stats().parked == pool.stats().threads && pool.stats().threads != 0; }));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool refused = io::descriptor::adopt(pool, pipe.writes.number()).error() == errc::inherited_by_fork;
    pipe.reads.release();
    pipe.writes.close();
    _exit(refused ? 7 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  ASSERT_EQ(write(pipe.writes.number(), "x", 1), 1);
  EXPECT_FALSE(waiting.wait());
}

TEST(idle_io, wakes_nobody) {
  thread_pool pool{pool_config{.max_threads = 4, .retire_after = -1ns}};
  std::vector<watched_pipe> pipes;
  for (int i = 0; i < 50; ++i) pipes.emplace_back(pool);
  std::vector<coro::join_handle<std::error_code>> all;
  for (auto& each : pipes) all.push_back(coro::spawn(pool, waits(each.reads)));
  ASSERT_TRUE(eventually([&] { return pool.stats().parked == pool.stats().threads && pool.stats().threads != 0; }));
  std::this_thread::sleep_for(20ms);
  const std::uint64_t parks = pool.stats().parks;
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(pool.stats().parks, parks);
  for (auto& each : pipes) ASSERT_EQ(write(each.writes.number(), "x", 1), 1);
  for (auto& each : all) EXPECT_FALSE(each.wait());
}

/// Tasks and events find the same sleepers.
TEST_P(descriptors, do_not_hide_tasks_from_those_who_watch) {
  thread_pool pool{config()};
  watched_pipe pipe(pool);
  auto waiting = coro::spawn(pool, waits(pipe.reads));
  for (std::size_t i = 0; i < repetitions(300); ++i) {
    EXPECT_EQ(pool.submit([i] { return i; }).get(), i);
    if (i % 50 == 0) std::this_thread::sleep_for(1ms);
  }
  ASSERT_EQ(write(pipe.writes.number(), "x", 1), 1);
  EXPECT_FALSE(waiting.wait());
}

}  // namespace
}  // namespace treadle::test
