#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace treadle::test {
namespace {

using coro::sync_wait;
using namespace std::chrono_literals;

class pipes : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, pipes, worker_counts(), worker_count_name);

coro::task<> pours(io::pipe_end& into, std::size_t bytes) {
  std::vector<std::byte> block(10'000);
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t next = std::min(block.size(), bytes - done);
    for (std::size_t i = 0; i < next; ++i) block[i] = static_cast<std::byte>((done + i) * 7);
    (co_await into.write_all(std::span(block).first(next))).value();
    done += next;
  }
  into.close();
}

coro::task<std::size_t> drinks(io::pipe_end& from) {
  std::vector<std::byte> room(3'000);
  std::size_t done = 0;
  for (;;) {
    const std::size_t got = (co_await from.read(room)).value();
    if (got == 0) co_return done;
    for (std::size_t i = 0; i < got; ++i) {
      if (room[i] != static_cast<std::byte>((done + i) * 7)) co_return 0;
    }
    done += got;
  }
}

TEST_P(pipes, carry_more_than_the_kernel_keeps) {
  thread_pool pool{config()};
  auto both = io::pipe::make(pool).value();
  const std::size_t bytes = smaller_if_slow(3'000'000);
  sync_wait(pool, [](io::pipe& ends, std::size_t count) -> coro::task<> {
    auto [poured, drunk] = co_await coro::when_all(pours(ends.writes, count), drinks(ends.reads));
    static_cast<void>(poured);
    EXPECT_EQ(drunk, count);
  }(both, bytes));
}

coro::task<std::error_code> reads_nothing(io::pipe_end& from) {
  std::array<std::byte, 8> room{};
  co_return (co_await from.read(room)).error();
}

TEST_P(pipes, end_their_waits) {
  thread_pool pool{config()};
  auto both = io::pipe::make(pool).value();
  auto waiting = coro::spawn(pool, reads_nothing(both.reads));
  waiting.request_stop();
  EXPECT_EQ(waiting.wait(), make_error_code(errc::cancelled));
  sync_wait(pool, [](io::pipe& ends) -> coro::task<> {
    std::vector<std::byte> room(10);
    EXPECT_EQ((co_await coro::with_timeout(1ms, ends.reads.read(room))).error(), make_error_code(errc::timed_out));
    // A full pipe makes a writer wait as well.
    const std::vector<std::byte> much(10'000'000);
    const auto full = co_await coro::with_timeout(1ms, ends.writes.write_all(much));
    EXPECT_EQ(full.error(), make_error_code(errc::timed_out));
  }(both));
  ASSERT_FALSE(pool.join());
}

TEST_P(pipes, that_nobody_reads_raise_no_signal) {
  thread_pool pool{config()};
  auto both = io::pipe::make(pool).value();
  both.reads.close();
  sync_wait(pool, [](io::pipe_end& into) -> coro::task<> {
    const std::array<std::byte, 3> some{};
    EXPECT_EQ((co_await into.write(some)).error(), std::errc::broken_pipe);
    sigset_t pending;
    sigemptyset(&pending);
    sigpending(&pending);
    EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
  }(both.writes));
}

/// An eventfd has no call with flags, as old kernels have none: what is written goes the other way.
TEST_P(pipes, of_what_takes_no_flags) {
  thread_pool pool{config()};
  auto made = io::pipe_end::adopt(pool, eventfd(0, EFD_CLOEXEC)).value();
  sync_wait(pool, [](io::pipe_end& counter) -> coro::task<> {
    const std::uint64_t sent = 3;
    std::uint64_t got = 0;
    EXPECT_EQ((co_await counter.write(std::as_bytes(std::span(&sent, 1)))).value(), sizeof sent);
    EXPECT_EQ((co_await counter.read_all(std::as_writable_bytes(std::span(&got, 1)))).value(), sizeof got);
    EXPECT_EQ(got, sent);
    EXPECT_EQ((co_await coro::with_timeout(1ms, counter.read(std::as_writable_bytes(std::span(&got, 1))))).error(),
              make_error_code(errc::timed_out));
  }(made));
}

/// What is shared with others keeps blocking for them.
TEST_P(pipes, are_shared_without_a_trace) {
  thread_pool pool{config()};
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  {
    auto reads = io::pipe_end::share(pool, ends[0]).value();
    auto writes = io::pipe_end::share(pool, ends[1]).value();
    EXPECT_NE(reads.handle().number(), ends[0]);
    sync_wait(pool, [](io::pipe_end& from, io::pipe_end& to) -> coro::task<> {
      const std::string sent = "shared";
      std::string got(sent.size(), ' ');
      (co_await to.write_all(std::as_bytes(std::span(sent)))).value();
      (co_await from.read_all(std::as_writable_bytes(std::span(got)))).value();
      EXPECT_EQ(got, sent);
    }(reads, writes));
    EXPECT_EQ(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
  }
  EXPECT_EQ(write(ends[1], "x", 1), 1);
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(io::pipe_end::share(pool, ends[0]).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(io::pipe_end::adopt(pool, ends[0]).error(), std::errc::bad_file_descriptor);
}

TEST_P(pipes, may_be_terminals) {
  thread_pool pool{config()};
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(master, 0);
  std::array<char, 64> name{};
  ASSERT_EQ(unlockpt(master), 0);
  ASSERT_EQ(ptsname_r(master, name.data(), name.size()), 0);
  const int slave = open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(slave, 0);
  auto input = io::pipe_end::share(pool, slave).value();
  // Not another terminal, which opening the master anew would make.
  auto keyboard = io::pipe_end::share(pool, master).value();
  sync_wait(pool, [](io::pipe_end& from, io::pipe_end& to) -> coro::task<> {
    const std::string typed = "yes\n";
    std::string got(typed.size(), ' ');
    auto [read, written] = co_await coro::when_all(from.read_all(std::as_writable_bytes(std::span(got))),
                                                   to.write_all(std::as_bytes(std::span(typed))));
    EXPECT_EQ(read.value(), typed.size());
    written.value();
    EXPECT_EQ(got, typed);
  }(input, keyboard));
  EXPECT_EQ(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
  close(slave);
  close(master);
}

/// A program's input may be a file: then a read goes on where the others stopped, and the end is the end.
TEST_P(pipes, may_be_files) {
  thread_pool pool{config()};
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(file, 0);
  std::array<char, 4> first{};
  ASSERT_EQ(read(file, first.data(), first.size()), 4);
  auto shared = io::pipe_end::share(pool, file).value();
  close(file);
  sync_wait(pool, [](io::pipe_end& from) -> coro::task<> {
    std::array<std::byte, 1> next{};
    EXPECT_EQ((co_await from.read(next)).value(), 1u);
    EXPECT_EQ(next[0], std::byte{':'});  // "Name:"
    std::vector<std::byte> rest(1'000'000);
    EXPECT_GT((co_await from.read_all(rest)).value(), 10u);
    EXPECT_EQ((co_await from.read(rest)).value(), 0u);
  }(shared));
}

}  // namespace
}  // namespace treadle::test
