#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// What goes to the disk, with rings or without: the same programs, whatever TREADLE_IO and the system say.

namespace treadle::test {
namespace {

using coro::sync_wait;
using io::file;
using io::open_mode;
using namespace std::chrono_literals;

constexpr std::size_t block = 4096, blocks = 256;
constexpr std::uint32_t reads_at_once = 32;

bool has_rings() { return io::current_backend().rings != io::backend::rings_for::nothing; }

/// Room that a disk reads into.
class aligned_block {
 public:
  aligned_block() : room_(static_cast<std::byte*>(std::aligned_alloc(block, block)), &std::free) {}
  [[nodiscard]] std::span<std::byte> bytes() const { return {room_.get(), block}; }

 private:
  std::unique_ptr<std::byte, void (*)(void*)> room_;
};

/// A file whose block i holds the number i everywhere; gone with the object.
class numbered_file {
 public:
  numbered_file() {
    std::string name = (std::filesystem::temp_directory_path() / "treadle_ring_test_XXXXXX").string();
    const int made = mkstemp(name.data());
    name_ = name;
    std::vector<std::uint32_t> one(block / sizeof(std::uint32_t));
    for (std::uint32_t i = 0; i < blocks; ++i) {
      one.assign(one.size(), i);
      EXPECT_EQ(write(made, one.data(), block), static_cast<ssize_t>(block));
    }
    EXPECT_EQ(fsync(made), 0);
    close(made);
  }
  numbered_file(const numbered_file&) = delete;
  numbered_file& operator=(const numbered_file&) = delete;
  ~numbered_file() { std::filesystem::remove(name_); }

  /// Past the system's memory, where the file system has that.
  coro::task<file> open(open_mode how = open_mode::read) const {
    auto direct = co_await file::open(name_, how | open_mode::direct);
    if (direct) co_return std::move(*direct);
    EXPECT_EQ(direct.error(), std::errc::invalid_argument);
    co_return (co_await file::open(name_, how)).value();
  }

 private:
  std::string name_;
};

coro::task<> reads_block(file& from, std::uint32_t which, std::atomic<std::uint32_t>& done) {
  const aligned_block room;
  EXPECT_EQ((co_await from.read_at(which * block, room.bytes())).value(), block);
  std::uint32_t first = 0, last = 0;
  std::memcpy(&first, room.bytes().data(), sizeof first);
  std::memcpy(&last, room.bytes().data() + block - sizeof last, sizeof last);
  EXPECT_EQ(first, which);
  EXPECT_EQ(last, which);
  done.fetch_add(1, std::memory_order_relaxed);
}

coro::task<> reads_all(thread_pool& pool, file& from, std::uint32_t times, std::atomic<std::uint32_t>& done) {
  coro::async_scope all(pool);
  for (std::uint32_t i = 0; i < times; ++i) all.spawn(reads_block(from, i * 7 % blocks, done));
  co_await all.join();
}

class rings : public with_workers {
 protected:
  numbered_file numbered;
};
INSTANTIATE_TEST_SUITE_P(widths, rings, worker_counts(), worker_count_name);

TEST_P(rings, bring_what_is_on_the_disk) {
  thread_pool pool(config());
  std::atomic<std::uint32_t> done{0};
  sync_wait(pool, [](thread_pool& on, numbered_file& of, std::atomic<std::uint32_t>& count) -> coro::task<> {
    file opened = co_await of.open();
    co_await reads_all(on, opened, 1'000, count);
  }(pool, numbered, done));
  EXPECT_EQ(done, 1'000u);
  const io::ring_stats stats = io::stats_of_rings(pool);
  if (!has_rings()) {
    EXPECT_EQ(stats.begun, 0u);
  }
}

TEST_P(rings, write_past_memory) {
  thread_pool pool(config());
  sync_wait(pool, [](numbered_file& of) -> coro::task<> {
    file opened = co_await of.open(open_mode::read | open_mode::write);
    const aligned_block room;
    std::memset(room.bytes().data(), 0x5a, block);
    (co_await opened.write_at(3 * block, room.bytes())).value();
    (co_await opened.sync()).value();
    std::memset(room.bytes().data(), 0, block);
    EXPECT_EQ((co_await opened.read_at(3 * block, room.bytes())).value(), block);
    EXPECT_EQ(room.bytes()[block - 1], std::byte{0x5a});
    EXPECT_EQ((co_await opened.read_at(blocks * block, room.bytes())).value(), 0u);
  }(numbered));
}

TEST_P(rings, give_back_the_errors_of_the_call) {
  thread_pool pool(config());
  sync_wait(pool, [](numbered_file& of) -> coro::task<> {
    const aligned_block room;
    file reads = co_await of.open();
    EXPECT_EQ((co_await reads.write_at(0, room.bytes())).error(), std::errc::bad_file_descriptor);
    file writes = co_await of.open(open_mode::write);
    EXPECT_EQ((co_await writes.read_at(0, room.bytes())).error(), std::errc::bad_file_descriptor);
    writes.close();
    EXPECT_EQ((co_await writes.sync()).error(), std::errc::bad_file_descriptor);
  }(numbered));
}

/// A worker gives operations to the kernel and goes on computing: what becomes of them is served by another.
TEST_P(rings, serve_a_worker_that_computes) {
  if (GetParam() < 2) return;
  thread_pool pool(config());
  for (int round = 0; round < 10; ++round) {
    std::atomic<std::uint32_t> done{0};
    sync_wait(pool, [](thread_pool& on, numbered_file& of, std::atomic<std::uint32_t>& count) -> coro::task<> {
      file opened = co_await of.open();
      coro::async_scope all(on);
      for (std::uint32_t i = 0; i < reads_at_once; ++i) all.spawn(reads_block(opened, i, count));
      all.spawn([](std::atomic<std::uint32_t>& awaited) -> coro::task<> {
        const auto until = std::chrono::steady_clock::now() + 30s;
        while (awaited.load(std::memory_order_relaxed) < reads_at_once && std::chrono::steady_clock::now() < until) {
        }
        EXPECT_EQ(awaited.load(std::memory_order_relaxed), reads_at_once);
        co_return;
      }(count));
      co_await all.join();
    }(pool, numbered, done));
  }
}

coro::task<> reads_twice(file& from, std::uint32_t which, std::atomic<std::uint32_t>& done,
                         std::atomic<std::uint32_t>& begun) {
  const aligned_block room;
  begun.fetch_add(1, std::memory_order_relaxed);
  EXPECT_EQ((co_await from.read_at(which * block, room.bytes())).value(), block);
  co_await reads_block(from, which + 1, done);
}

/// Many answers that came while nobody looked: what goes on with them begins anew in a row, and that is one call.
TEST_P(rings, take_a_row_in_one_call) {
  thread_pool pool(config());
  std::atomic<std::uint32_t> done{0}, begun{0};
  file opened = sync_wait(pool, numbered.open());
  const std::uint64_t before = io::stats_of_rings(pool).begun;
  coro::async_scope all(pool);
  for (std::uint32_t i = 0; i < reads_at_once; ++i) all.spawn(reads_twice(opened, i, done, begun));
  EXPECT_TRUE(eventually([&] { return begun == reads_at_once; }));
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers()));
  std::this_thread::sleep_for(20ms);
  busy.release();
  sync_wait(pool, all.join());
  EXPECT_EQ(done, reads_at_once);
  const io::ring_stats stats = io::stats_of_rings(pool);
  EXPECT_LE(stats.submissions, stats.begun + stats.refused);
  // With more workers some may have been answered before all were busy.
  if (workers() == 1 && stats.begun - before == 2 * reads_at_once) {
    EXPECT_LT(stats.submissions, stats.begun - reads_at_once / 2);
  }
}

/// What one has begun in a row does not wait for those behind it, if a worker is free.
TEST_P(rings, do_not_wait_for_the_rest_of_a_row) {
  if (workers() < 2) return;
  thread_pool pool(config());
  file opened = sync_wait(pool, numbered.open());
  for (int round = 0; round < 5; ++round) {
    std::atomic<std::uint32_t> done{0}, begun{0};
    coro::async_scope all(pool);
    for (std::uint32_t i = 0; i < reads_at_once; ++i) all.spawn(reads_twice(opened, i, done, begun));
    all.spawn([](file& from, std::atomic<std::uint32_t>& awaited) -> coro::task<> {
      const aligned_block room;
      EXPECT_EQ((co_await from.read_at(0, room.bytes())).value(), block);
      const auto until = std::chrono::steady_clock::now() + 30s;
      while (awaited.load(std::memory_order_relaxed) < reads_at_once && std::chrono::steady_clock::now() < until) {
      }
      EXPECT_EQ(awaited.load(std::memory_order_relaxed), reads_at_once);
    }(opened, done));
    sync_wait(pool, all.join());
  }
}

/// Whatever is under way when the pool ends is awaited, and what begins afterwards goes without rings.
TEST_P(rings, end_with_the_pool) {
  for (const shutdown_mode how : {shutdown_mode::drain, shutdown_mode::cancel}) {
    thread_pool pool(config());
    std::atomic<std::uint32_t> done{0}, ended{0};
    auto reading = coro::spawn(pool,
                               [](thread_pool& on, numbered_file& of, std::atomic<std::uint32_t>& count,
                                  std::atomic<std::uint32_t>& over) -> coro::task<> {
                                 file opened = co_await of.open();
                                 coro::async_scope all(on);
                                 try {
                                   for (std::uint32_t i = 0; i < 200; ++i) {
                                     all.spawn([](file& from, std::uint32_t which, std::atomic<std::uint32_t>& read,
                                                  std::atomic<std::uint32_t>& gone) -> coro::task<> {
                                       const aligned_block room;
                                       for (int k = 0; k < 3; ++k) {
                                         const auto got = co_await from.read_at(which * block, room.bytes());
                                         if (got) {
                                           EXPECT_EQ(*got, block);
                                           read.fetch_add(1, std::memory_order_relaxed);
                                         } else {
                                           EXPECT_EQ(got.error(), make_error_code(errc::cancelled));
                                         }
                                       }
                                       gone.fetch_add(1, std::memory_order_relaxed);
                                     }(opened, i, count, over));
                                   }
                                 } catch (const std::system_error&) {
                                   // Cancelled meanwhile: what has begun is awaited all the same.
                                 }
                                 co_await all.join();
                               }(pool, numbered, done, ended));
    while (done.load(std::memory_order_relaxed) == 0) std::this_thread::yield();
    EXPECT_FALSE(pool.shutdown(how).error);
    EXPECT_FALSE(pool.join());
    if (how == shutdown_mode::drain) {
      EXPECT_EQ(done, 600u);
      EXPECT_EQ(ended, 200u);
    }
    try {
      reading.wait();
    } catch (const std::system_error& cancelled) {
      EXPECT_TRUE(cancelled.code() == errc::cancelled || cancelled.code() == errc::shut_down) << cancelled.what();
    }
  }
}

/// A ring that has nothing to do keeps no thread, and serves the next thread of its worker.
TEST_P(rings, let_their_workers_retire) {
  pool_config wanted = config();
  wanted.retire_after = 5ms;
  thread_pool pool(wanted);
  for (int round = 0; round < 3; ++round) {
    std::atomic<std::uint32_t> done{0};
    sync_wait(pool, [](thread_pool& on, numbered_file& of, std::atomic<std::uint32_t>& count) -> coro::task<> {
      file opened = co_await of.open();
      co_await reads_all(on, opened, 100, count);
    }(pool, numbered, done));
    // A sleeper whose time comes while others are being woken stays until it is woken itself.
    for (int k = 0; k < 3'000 && pool.stats().threads != 0; ++k) {
      if (k % 10 == 9) {
        EXPECT_FALSE(pool.post([] {}));
      }
      std::this_thread::sleep_for(10ms);
    }
    EXPECT_EQ(pool.stats().threads, 0u);
    EXPECT_EQ(done, 100u);
  }
}

/// A child of fork() has nothing to do with them, and its end ends nothing.
TEST_P(rings, survive_a_child) {
  thread_pool pool(config());
  std::atomic<std::uint32_t> done{0};
  sync_wait(pool, [](thread_pool& on, numbered_file& of, std::atomic<std::uint32_t>& count) -> coro::task<> {
    file opened = co_await of.open();
    co_await reads_all(on, opened, 50, count);
    const pid_t child = fork();
    if (child == 0) _exit(0);
    EXPECT_EQ(waitpid(child, nullptr, 0), child);
    co_await reads_all(on, opened, 50, count);
  }(pool, numbered, done));
  EXPECT_EQ(done, 100u);
}

TEST(backend, says_what_it_is) {
  const io::backend& here = io::current_backend();
  EXPECT_EQ(&here, &io::current_backend());
  EXPECT_FALSE(io::describe(here).empty());
  EXPECT_EQ(io::describe(here).find('\n'), std::string::npos);
  if (has_rings()) {
    EXPECT_FALSE(here.refused);
    EXPECT_GT(here.submissions, 0u);
  }
  const char* const asked = std::getenv("TREADLE_IO");
  const bool may_have = asked == nullptr || asked != std::string("epoll");
  EXPECT_TRUE(may_have || !has_rings());
  const char* const refusal = std::getenv("TREADLE_TEST_REFUSED");  // the number with which rings are refused here
  EXPECT_TRUE(refusal == nullptr || here.refused.value() == std::atoi(refusal));
  thread_pool pool;
  EXPECT_EQ(io::stats_of_rings(pool).begun, 0u);
}

}  // namespace
}  // namespace treadle::test
