#include "tasks.hpp"

#include <treadle/coro.hpp>
#include <treadle/detail/sign_board.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <vector>

// Every allocation of the process is seen here, whoever makes it: by the sanitizer's own hooks, or else by standing in
// front of the C library's functions.
namespace {

constinit std::atomic<std::size_t> allocations{0};
constinit std::atomic<bool> counting{false};
constinit thread_local std::size_t allocations_here = 0;

void count_allocation() noexcept {
  ++allocations_here;
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

#if TREADLE_TEST_SLOW_FACTOR > 1  // a sanitizer, which has replaced malloc itself
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));
namespace {
const bool hooks_installed =
    __sanitizer_install_malloc_and_free_hooks([](const volatile void*, std::size_t) { count_allocation(); },
                                              [](const volatile void*) {}) != 0;
}  // namespace
#else
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  count_allocation();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  count_allocation();
  return __libc_calloc(count, bytes);
}
void* realloc(void* old, std::size_t bytes) {
  count_allocation();
  return __libc_realloc(old, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  count_allocation();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count_allocation();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** result, std::size_t alignment, std::size_t bytes) {
  count_allocation();
  *result = __libc_memalign(alignment, bytes);
  return *result != nullptr ? 0 : ENOMEM;
}
}
namespace {
constexpr bool hooks_installed = true;
}  // namespace
#endif

namespace treadle {
namespace {

/// Returns what the whole process allocates during `f`.
template <class F>
std::size_t allocations_during(F&& f) {
  allocations = 0;
  counting = true;
  f();
  counting = false;
  return allocations;
}

struct plain_task : task {
  plain_task() noexcept : task(&run) {}
  static void run(task* called) noexcept {
    static_cast<plain_task*>(called)->ran->fetch_add(1, std::memory_order_release);
  }
  std::atomic<std::size_t>* ran = nullptr;
};

/// A pool whose threads all exist and never leave, and tasks to schedule on it.
class allocation : public testing::TestWithParam<std::uint32_t> {
 protected:
  static constexpr std::size_t task_count = 5000;

  allocation() : tasks_(task_count) {
    for (plain_task& each : tasks_) each.ran = &ran_;
  }

  static pool_config config() {
    pool_config made;
    made.max_threads = GetParam();
    made.max_spare_threads = pool_config::no_spares;
    made.retire_after = std::chrono::nanoseconds(-1);
    return made;
  }

  /// Starts every thread that the pool can have.
  void start_all_threads() {
    test::occupation all;
    ASSERT_TRUE(all.hold(pool_, GetParam()));
    all.release();
    ASSERT_FALSE(pool_.drain());
    ASSERT_EQ(pool_.stats().threads, GetParam());
  }

  bool all_ran(std::size_t goal = task_count) {
    while (ran_.load(std::memory_order_acquire) < goal) std::this_thread::yield();
    return true;
  }

  std::atomic<std::size_t> ran_{0};
  std::vector<plain_task> tasks_;
  thread_pool pool_{config()};
};

/// Keeps the compiler from doing without an allocation.
void* kept(void* allocated) {
  asm volatile("" : "+r"(allocated));
  return allocated;
}

TEST(allocation_counter, counts) {
  ASSERT_TRUE(hooks_installed);
  EXPECT_EQ(allocations_during([] { ::operator delete(kept(::operator new(100))); }), 1u);
  EXPECT_EQ(allocations_during([] { std::free(kept(std::malloc(100))); }), 1u);
  EXPECT_EQ(allocations_during([] { std::free(kept(std::calloc(10, 10))); }), 1u);
#if !TREADLE_THREAD_SANITIZER  // its hooks do not see these
  EXPECT_EQ(allocations_during([] { std::free(kept(std::aligned_alloc(64, 128))); }), 1u);
#endif
  EXPECT_EQ(allocations_during([] {}), 0u);
  EXPECT_GE(allocations_during([] { std::thread([] { std::free(kept(std::malloc(1))); }).join(); }), 2u)
      << "those of other threads, too";
}

TEST_P(allocation, none_for_single_tasks_from_outside) {
  start_all_threads();
  bool refused = false;
  EXPECT_EQ(allocations_during([&] {
              for (plain_task& each : tasks_) refused |= static_cast<bool>(pool_.schedule(each));
              all_ran();
            }),
            0u);
  EXPECT_FALSE(refused);
}

TEST_P(allocation, none_for_batches) {
  start_all_threads();
  bool refused = false;
  EXPECT_EQ(allocations_during([&] {
              batch all;
              for (std::size_t i = 0; i < task_count; ++i) {
                batch part;
                part.push(tasks_[i]);
                all.push(std::move(part));
                if (all.size() == 250) refused |= static_cast<bool>(pool_.schedule(all));
              }
              refused |= static_cast<bool>(pool_.schedule(std::move(all)));
              all_ran();
            }),
            0u);
  EXPECT_FALSE(refused);
}

/// One task schedules all the others: what does not fit its ring overflows.
struct spreader : task {
  spreader() noexcept : task(&run) {}
  static void run(task* called) noexcept {
    auto* const self = static_cast<spreader*>(called);
    for (plain_task& each : *self->tasks) {
      if (self->pool->schedule(each)) std::abort();
    }
  }
  thread_pool* pool = nullptr;
  std::vector<plain_task>* tasks = nullptr;
};

TEST_P(allocation, none_for_tasks_of_a_worker_nor_for_its_overflow) {
  start_all_threads();
  spreader first;
  first.pool = &pool_;
  first.tasks = &tasks_;
  std::error_code refused;
  EXPECT_EQ(allocations_during([&] {
              refused = pool_.schedule(first);
              all_ran();
            }),
            0u);
  EXPECT_FALSE(refused);
  if (GetParam() == 1) {
    EXPECT_GT(pool_.stats().tasks_overflowed, 0u);
  }
}

/// Parks and wake-ups between the tasks, a drain, the counters and a shutdown with a report.
TEST_P(allocation, none_for_sleeping_waking_and_ending) {
  start_all_threads();
  std::error_code refused;
  shutdown_report report;
  EXPECT_EQ(allocations_during([&] {
              for (std::size_t i = 0; i < 50; ++i) {
                refused = pool_.schedule(tasks_[i]);
                all_ran(i + 1);
                std::this_thread::sleep_for(std::chrono::microseconds(200));
              }
              refused = pool_.drain();
              static_cast<void>(pool_.stats());
              report = pool_.shutdown();
            }),
            0u);
  EXPECT_FALSE(refused);
  EXPECT_EQ(report.still_running, 0u);
  EXPECT_GT(pool_.stats().wakes, 0u);
}

TEST_P(allocation, none_for_a_cancel_that_gives_tasks_back) {
  start_all_threads();
  test::occupation all;
  ASSERT_TRUE(all.hold(pool_, GetParam()));
  for (plain_task& each : tasks_) ASSERT_FALSE(pool_.schedule(each));
  shutdown_report report;
  EXPECT_EQ(allocations_during([&] { report = pool_.shutdown(shutdown_mode::cancel); }), 0u);
  EXPECT_EQ(report.not_run.size(), task_count);
}

/// Loops, graphs in graphs and rounds, from outside and on a worker.
TEST_P(allocation, none_for_a_graph_that_runs_again) {
  start_all_threads();
  std::atomic<std::size_t> steps{0};
  std::size_t rounds = 0;
  graph inner, outer;
  auto begin = inner.add([&] { ++steps; });
  auto again = inner.add_branch([&] { return ++rounds % 10 != 0 ? 0 : 1; });
  auto join = inner.add([&] { ++steps; });
  for (int i = 0; i < 50; ++i) inner.add([&] { ++steps; }).succeed(begin).precede(join);
  inner.add([] {}).precede(begin);
  join.precede(again);
  again.precede(begin);
  outer.add_graph("inner", inner).precede(outer.add([&](worker&) { inner.run(pool_); }));
  test::function_task on_worker([&] {
    outer.run_n(pool_, 3);
    ran_.fetch_add(1, std::memory_order_release);
  });
  outer.run(pool_);
  EXPECT_EQ(allocations_during([&] {
              outer.run_n(pool_, 5);
              outer.start(pool_);
              outer.wait();
              if (pool_.schedule(on_worker)) std::abort();
              all_ran(1);
            }),
            0u);
  EXPECT_EQ(steps.load(), 10u * 2 * 10 * 52);
}

INSTANTIATE_TEST_SUITE_P(all, allocation, testing::Values(1u, 2u, 8u), test::worker_count_name);

// ---- what does allocate ---------------------------------------------------------------------------------------------

TEST(allocation, a_pool_that_is_not_used_costs_nothing) {
  EXPECT_EQ(allocations_during([] { const thread_pool unused; }), 0u);
}

/// The call that starts a thread allocates for that thread, on the calling thread; the next call does not.
TEST(allocation, starting_a_thread_is_paid_once) {
  thread_pool pool{pool_config{.max_threads = 1, .retire_after = std::chrono::nanoseconds(-1)}};
  std::atomic<std::size_t> ran{0};
  plain_task first, second;
  first.ran = second.ran = &ran;
  const std::size_t before = allocations_here;
  ASSERT_FALSE(pool.start());
  const std::size_t after_start = allocations_here;
  EXPECT_GE(after_start - before, 1u) << "the table of workers";
  ASSERT_FALSE(pool.schedule(first));
  const std::size_t after_first = allocations_here;
  EXPECT_GE(after_first - after_start, 1u) << "the worker's record, and what its thread needs";
  EXPECT_LE(after_first - after_start, 8u);
  ASSERT_TRUE(test::eventually([&] { return ran == 1; }));
  const std::size_t before_second = allocations_here;
  ASSERT_FALSE(pool.schedule(second));
  EXPECT_EQ(allocations_here, before_second);
  ASSERT_FALSE(pool.drain());
}

/// What `post`, `submit` and `run` promise.
TEST(allocation, a_callable_is_one) {
  thread_pool pool{pool_config{.max_threads = 1, .retire_after = std::chrono::nanoseconds(-1)}};
  ASSERT_EQ(pool.run([] { return 1; }), 1);
  ASSERT_FALSE(pool.drain());
  std::error_code refused;
  int result = 0;
  EXPECT_EQ(allocations_during([&] {
              refused = pool.post([] {});
              if (!refused) refused = pool.drain();
            }),
            1u);
  EXPECT_FALSE(refused);
  EXPECT_EQ(allocations_during([&] { result = pool.submit([] { return 5; }).get(); }), 1u);
  EXPECT_EQ(result, 5);
  EXPECT_EQ(allocations_during([&] { result = pool.run([] { return 6; }); }), 1u);
  EXPECT_EQ(result, 6);
}

/// A scope is one allocation, a child one more, a range two, a child in the caller's storage none.
TEST(allocation, a_scope_is_one_and_each_child_of_its_making) {
  struct child : scope_task {
    child() noexcept : scope_task([](scope_task&, worker&, const stop_token&) {}) {}
  };
  thread_pool pool{pool_config{.max_threads = 1, .retire_after = std::chrono::nanoseconds(-1)}};
  ASSERT_EQ(pool.run([] { return 1; }), 1);
  ASSERT_FALSE(pool.drain());
  std::vector<child> children(100);
  std::vector<int> range(100);
  std::size_t empty = 0, intrusive = 0, callables = 0, whole_range = 0;
  pool.run([&](worker& self) {
    empty = allocations_during([&] { const scope s(self); });
    scope s(self);
    intrusive = allocations_during([&] {
      for (child& each : children) s.spawn(each);
      s.wait();
      s.spawn_each(children);
      s.wait();
    });
    callables = allocations_during([&] {
      for (int i = 0; i < 100; ++i) s.spawn([&range, i] { range[static_cast<std::size_t>(i)] = i; });
      s.wait();
    });
    whole_range = allocations_during([&] {
      s.spawn_each(range, [](int& each) { ++each; });
      s.wait();
    });
  });
  EXPECT_EQ(empty, 1u);
  EXPECT_EQ(intrusive, 0u);
  EXPECT_EQ(callables, 100u);
  EXPECT_EQ(whole_range, 2u);
}

/// Coroutines on 1 to 8 workers.
class coro_allocation : public testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(widths, coro_allocation, testing::Values(1u, 2u, 4u, 8u));

coro::task<int> one() { co_return 1; }
coro::task<> works(coro::event& start, coro::mutex& lock, coro::channel<int>& items, coro::latch& done, int& sum) {
  co_await start.wait();
  for (int i = 0; i < 4; ++i) {
    const auto [left, right] = co_await coro::when_all(one(), one());
    co_await items.send(left + right);
    co_await coro::yield();
    const auto item = co_await items.receive();
    const auto guard = co_await lock.lock();
    sum += item.value_or(0);
  }
  done.count_down();
}
coro::task<> sleeps_and_limits(coro::latch& done) {
  auto ticks = coro::every(std::chrono::microseconds(70));
  for (int i = 0; i < 4; ++i) {
    co_await coro::sleep_for(std::chrono::microseconds(30));
    static_cast<void>(co_await coro::with_timeout(std::chrono::hours(1), one()));
    static_cast<void>(co_await ticks.next());
  }
  done.count_down();
}
coro::task<> sleep_together(thread_pool& pool, std::size_t count) {
  coro::latch done(count);
  for (std::size_t i = 0; i < count; ++i) coro::spawn(pool, sleeps_and_limits(done)).detach();
  co_await done.wait();
}
coro::task<> works_together(thread_pool& pool, std::size_t count) {
  coro::event start;
  coro::mutex lock;
  coro::latch done(count);
  static coro::channel<int> items(64);  // it allocates when it is made
  int sum = 0;
  for (std::size_t i = 0; i < count; ++i) coro::spawn(pool, works(start, lock, items, done, sum)).detach();
  start.set();  // all are there at the same time
  co_await done.wait();
  const auto guard = co_await lock.lock();
  EXPECT_EQ(sum, static_cast<int>(count) * 8);
}

/// Gives every thread of a pool its stores of frames and of signs, and enough frames of each size.
void prepare_frames(thread_pool& pool, std::uint32_t threads) {
  test::tally inside;
  for (std::uint32_t i = 0; i < threads; ++i) {
    ASSERT_FALSE(pool.post([&] {
      coro::detail::free_frame(coro::detail::allocate_frame(1), 1);
      detail::give_sign(*detail::take_sign());
      inside.add();
      static_cast<void>(inside.reaches(threads));
    }));
  }
  ASSERT_TRUE(inside.reaches(threads));
  ASSERT_FALSE(pool.drain());
  // Of each size as many as all threads can keep for themselves, and as many as are in use at a time: from then on one is
  // always to be had, on whatever threads they are made and freed.
  constexpr std::size_t kept_by_a_thread = 64, in_use = 500;
  for (const std::size_t bytes : {64u, 96u, 128u, 192u, 256u, 384u, 512u, 768u, 1'024u, 1'536u, 2'048u}) {
    std::vector<void*> frames(kept_by_a_thread * (threads + 1) + in_use);
    for (void*& each : frames) each = coro::detail::allocate_frame(bytes);
    for (void* const each : frames) coro::detail::free_frame(each, bytes);
  }
}

pool_config that_keeps_threads(std::uint32_t threads) {
  pool_config config;
  config.max_threads = threads;
  config.retire_after = std::chrono::nanoseconds(-1);
  return config;
}

/// Frames, flows, waits and wake-ups: once enough frames of each size exist, none of it allocates, on whatever threads
/// frames are made and freed.
TEST_P(coro_allocation, none_in_the_steady_state) {
  thread_pool pool{that_keeps_threads(GetParam())};
  prepare_frames(pool, GetParam());
  coro::sync_wait(pool, works_together(pool, 50));
  ASSERT_FALSE(pool.drain());
  const std::size_t seen = allocations_during([&] {
    for (int i = 0; i < 200; ++i) coro::sync_wait(pool, works_together(pool, 50));
  });
  EXPECT_EQ(seen, 0u);
}

TEST_P(coro_allocation, none_for_sleeps_and_for_limits_that_are_kept) {
  thread_pool pool{that_keeps_threads(GetParam())};
  prepare_frames(pool, GetParam());
  coro::sync_wait(pool, sleep_together(pool, 20));  // the wheels are made
  ASSERT_FALSE(pool.drain());
  const std::size_t seen = allocations_during([&] {
    for (int i = 0; i < 50; ++i) coro::sync_wait(pool, sleep_together(pool, 20));
  });
  EXPECT_EQ(seen, 0u);
}

}  // namespace
}  // namespace treadle
