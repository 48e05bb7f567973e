#include "coroutines.hpp"
#include "treadle_io.hpp"

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <cstdlib>
#include <utility>
#include <vector>

namespace {

using treadle::thread_pool;
using treadle::coro::task;

task<> nothing() { co_return; }

task<> spawn_and_join(thread_pool& pool, std::uint64_t n) {
  for (; n != 0; --n) co_await treadle::coro::spawn(pool, nothing());
}

task<> give_way(std::uint64_t n) {
  for (; n != 0; --n) co_await treadle::coro::yield();
}

task<> yield_all(thread_pool& pool, std::uint64_t n) {
  treadle::coro::async_scope all(pool);
  for (std::uint64_t i = 0; i < bench::yielders; ++i) all.spawn(give_way(n / bench::yielders));
  co_await all.join();
}

using numbers = treadle::coro::channel<std::uint64_t>;

task<> return_all(numbers& there, numbers& back, std::uint64_t last) {
  for (;;) {
    const auto got = co_await there.receive();
    if (got == last) co_return;
    co_await back.send(*got);
  }
}

task<> play(thread_pool& pool, std::uint64_t n) {
  static numbers there(1), back(1);
  constexpr std::uint64_t last = UINT64_MAX;
  auto other = treadle::coro::spawn(pool, return_all(there, back, last));
  for (std::uint64_t i = 0; i < n; i += 2) {
    co_await there.send(i);
    const auto got = co_await back.receive();
    if (got != i) std::abort();
  }
  co_await there.send(last);
  co_await std::move(other);
}

task<> await_all(thread_pool&, std::uint64_t n) {
  for (; n != 0; n -= bench::group) {
    std::vector<task<>> all;
    all.reserve(bench::group);
    for (std::uint64_t i = 0; i < bench::group; ++i) all.push_back(nothing());
    co_await treadle::coro::when_all(std::move(all));
  }
}

using body_type = task<> (*)(thread_pool&, std::uint64_t);

task<> twice(body_type body, thread_pool& pool, std::uint64_t n, std::uint64_t& spent) {
  co_await body(pool, n);
  const std::uint64_t before = bench::allocations_so_far();
  co_await body(pool, n);
  spent = bench::allocations_so_far() - before;
}

template <body_type body>
void run(const bench::request& asked, bench::answer& given) {
  thread_pool pool({.max_threads = asked.workers()});
  bench::measure_steady(
      asked, given, [&](std::uint64_t n) { treadle::coro::sync_wait(pool, body(pool, n)); },
      [&](std::uint64_t n, std::uint64_t& spent) { treadle::coro::sync_wait(pool, twice(body, pool, n, spent)); });
}

constexpr bench::entry rows[] = {{"coroutine_spawn_join", run<spawn_and_join>},
                                 {"coroutine_yield", run<yield_all>},
                                 {"coroutine_channel", run<play>},
                                 {"coroutine_when_all", run<await_all>}};

}  // namespace

std::span<const bench::entry> bench::treadle_coroutine_rows() { return rows; }
