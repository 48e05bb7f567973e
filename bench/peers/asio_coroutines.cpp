#include "../workload/coroutines.hpp"
#include "asio_io.hpp"
#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::experimental::concurrent_channel;

using numbers = concurrent_channel<void(std::error_code, std::uint64_t)>;

awaitable<void> nothing() { co_return; }

awaitable<void> spawn_and_join(std::uint64_t n) {
  const auto executor = co_await asio::this_coro::executor;
  for (; n != 0; --n) co_await asio::co_spawn(executor, nothing(), use_awaitable);
}

/// Tells whoever waits once all have come.
struct meeting {
  meeting(const asio::any_io_executor& executor, std::uint64_t many) : all_here(executor, 1), missing(many) {}
  void arrive() {
    if (missing.fetch_sub(1) == 1) all_here.try_send(std::error_code{}, 0);
  }
  numbers all_here;
  std::atomic<std::uint64_t> missing;
};

awaitable<void> give_way(std::uint64_t n, meeting& after) {
  const auto executor = co_await asio::this_coro::executor;
  for (; n != 0; --n) co_await asio::post(executor, use_awaitable);
  after.arrive();
}

awaitable<void> yield_all(std::uint64_t n) {
  const auto executor = co_await asio::this_coro::executor;
  meeting after(executor, bench::yielders);
  for (std::uint64_t i = 0; i < bench::yielders; ++i) {
    asio::co_spawn(executor, give_way(n / bench::yielders, after), asio::detached);
  }
  co_await after.all_here.async_receive(use_awaitable);
}

awaitable<void> return_all(numbers& there, numbers& back, std::uint64_t n) {
  for (; n != 0; --n) co_await back.async_send({}, co_await there.async_receive(use_awaitable), use_awaitable);
}

awaitable<void> play(std::uint64_t n) {
  const auto executor = co_await asio::this_coro::executor;
  numbers there(executor, 1), back(executor, 1);
  asio::co_spawn(executor, return_all(there, back, n / 2), asio::detached);
  for (std::uint64_t i = 0; i < n; i += 2) {
    co_await there.async_send({}, i, use_awaitable);
    if (co_await back.async_receive(use_awaitable) != i) std::abort();
  }
}

awaitable<void> await_all(std::uint64_t n) {
  const auto executor = co_await asio::this_coro::executor;
  for (; n != 0; n -= bench::group) {
    meeting after(executor, bench::group);
    for (std::uint64_t i = 0; i < bench::group; ++i) {
      asio::co_spawn(executor, nothing(), [&](const std::exception_ptr&) { after.arrive(); });
    }
    co_await after.all_here.async_receive(use_awaitable);
  }
}

using body_type = awaitable<void> (*)(std::uint64_t);

awaitable<void> twice(body_type body, std::uint64_t n, std::uint64_t& spent) {
  co_await body(n);
  const std::uint64_t before = bench::allocations_so_far();
  co_await body(n);
  spent = bench::allocations_so_far() - before;
}

template <body_type body>
void run(const bench::request& asked, bench::answer& given) {
  asio::io_context pool(static_cast<int>(asked.workers()));
  const auto stays = asio::make_work_guard(pool);
  for (unsigned i = 0; i < asked.workers(); ++i) std::thread([&] { pool.run(); }).detach();
  bench::measure_steady(
      asked, given, [&](std::uint64_t n) { asio::co_spawn(pool, body(n), asio::use_future).get(); },
      [&](std::uint64_t n, std::uint64_t& spent) {
        asio::co_spawn(pool, twice(body, n, spent), asio::use_future).get();
      });
  given.add("peak_kib", bench::peak_kib());
  std::fflush(stdout);
  std::_Exit(0);  // the threads still run
}

constexpr bench::entry rows[] = {{"coroutine_spawn_join", run<spawn_and_join>},
                                 {"coroutine_yield", run<yield_all>},
                                 {"coroutine_channel", run<play>},
                                 {"coroutine_when_all", run<await_all>}};

}  // namespace

std::span<const bench::entry> bench::asio_coroutine_rows() { return rows; }
