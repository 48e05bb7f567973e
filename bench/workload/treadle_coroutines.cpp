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

task<> return_all(numbers& there, numbers& back) {
  while (const auto got = co_await there.receive()) co_await back.send(*got);
}

struct table {
  numbers there{1}, back{1};
};

task<> play(thread_pool& pool, std::uint64_t n) {
  table between;
  auto other = treadle::coro::spawn(pool, return_all(between.there, between.back));
  for (std::uint64_t i = 0; i < n; i += 2) {
    co_await between.there.send(i);
    if (*co_await between.back.receive() != i) std::abort();
  }
  between.there.close();
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

template <task<> (*body)(thread_pool&, std::uint64_t)>
void run(const bench::request& asked, bench::answer& given) {
  thread_pool pool({.max_threads = asked.workers()});
  bench::measure_steady(asked, given, [&](std::uint64_t n) { treadle::coro::sync_wait(pool, body(pool, n)); });
}

constexpr bench::entry rows[] = {{"coroutine_spawn_join", run<spawn_and_join>},
                                 {"coroutine_yield", run<yield_all>},
                                 {"coroutine_channel", run<play>},
                                 {"coroutine_when_all", run<await_all>}};

}  // namespace

std::span<const bench::entry> bench::treadle_coroutine_rows() { return rows; }
