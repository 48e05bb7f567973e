// Two pools of one process that use each other, from each other's workers.
#include "check.hpp"

#include <treadle/treadle.hpp>

#include <functional>
#include <vector>

using program::eventually;

namespace {

treadle::pool_config with_threads(std::uint32_t count) {
  treadle::pool_config config;
  config.max_threads = count;
  return config;
}

struct two_pools {
  explicit two_pools(std::uint32_t threads) : first(with_threads(threads)), second(with_threads(threads)) {}
  treadle::thread_pool first, second;
};

/// Waits for the other pool, which waits for the first, and so on: each level occupies a worker of one of them.
int descend(treadle::thread_pool& here, treadle::thread_pool& there, int depth) {
  if (depth == 0) return 0;
  CHECK(treadle::this_worker::pool() == &here);
  return 1 + there.submit([&, depth] { return descend(there, here, depth - 1); }).get();
}

void wait_on_each_other() {
  for (const std::uint32_t threads : {1u, 2u, 4u}) {
    two_pools pools(threads);
    std::vector<treadle::future<int>> chains;
    for (int i = 0; i < 8; ++i) {
      auto& from = i % 2 == 0 ? pools.first : pools.second;
      auto& to = i % 2 == 0 ? pools.second : pools.first;
      chains.push_back(from.submit([&] { return descend(from, to, 12); }));
    }
    for (auto& chain : chains) CHECK(chain.get() == 12);
    CHECK_OK(pools.first.drain());
    CHECK(pools.first.stats().blocked == 0);
  }
}

void deep_chain_on_one_worker_each() {
  two_pools pools(1);
  CHECK(pools.first.submit([&] { return descend(pools.first, pools.second, 60); }).get() == 60);
}

/// No thread can take a waiting worker's place, so the one that waits must run what it waits for, in whose pool it is.
void wait_on_each_other_without_spares() {
  treadle::pool_config config = with_threads(1);
  config.max_spare_threads = treadle::pool_config::no_spares;
  treadle::thread_pool first(config), second(config);
  std::function<int(int)> go = [&](int depth) -> int {
    if (depth == 0) return 0;
    return 1 + (depth % 2 == 0 ? first : second).submit([&, depth] { return go(depth - 1); }).get();
  };
  CHECK(go(30) == 30);
  CHECK_OK(first.drain());
  CHECK_OK(second.drain());
  CHECK(first.stats().blocked + second.stats().blocked == 0);
}

/// `run` from the other pool's worker, which is outside of this one.
void run_on_each_other() {
  two_pools pools(1);
  std::function<int(int)> go = [&](int depth) -> int {
    if (depth == 0) return 0;
    auto& there = treadle::this_worker::pool() == &pools.first ? pools.second : pools.first;
    return 1 + there.run([&] { return go(depth - 1); });
  };
  CHECK(go(20) == 20);
}

struct ball : treadle::task {
  ball() noexcept : task(&hit) {}
  static void hit(task* called) noexcept {
    auto* const self = static_cast<ball*>(called);
    if (++self->hits == self->goal) {
      self->over = true;
      return;
    }
    auto& there = treadle::this_worker::pool() == &self->pools->first ? self->pools->second : self->pools->first;
    CHECK_OK(there.schedule(*self));
  }
  two_pools* pools = nullptr;
  int hits = 0, goal = program::is_sanitized ? 2'000 : 20'000;
  std::atomic<bool> over{false};
};

void schedule_on_each_other() {
  two_pools pools(2);
  ball balls[4];
  for (ball& each : balls) {
    each.pools = &pools;
    CHECK_OK(pools.first.schedule(each));
  }
  for (ball& each : balls) CHECK(eventually([&] { return each.over.load(); }));
}

void drain_and_shut_down_from_the_other() {
  for (int round = 0; round < 20; ++round) {
    two_pools pools(2);
    std::atomic<int> ran{0};
    for (int i = 0; i < 50; ++i) CHECK_OK(pools.second.post([&] { ++ran; }));
    pools.first.run([&] {
      CHECK_OK(pools.second.drain());
      CHECK(ran == 50);
      CHECK(pools.first.drain() == make_error_code(treadle::errc::would_deadlock));
    });
    pools.second.run([&] {
      CHECK(!pools.first.shutdown().error);
      CHECK_OK(pools.first.join());
    });
    CHECK(pools.first.post([] {}) == make_error_code(treadle::errc::shut_down));
    CHECK_OK(pools.second.post([&] { ++ran; }));
    CHECK_OK(pools.second.join());
    CHECK(ran == 51);
  }
}

/// A pool that lives in a task of another one.
void pool_inside_a_task() {
  treadle::thread_pool outer(with_threads(2));
  std::vector<treadle::future<int>> sums;
  for (int i = 0; i < 10; ++i) {
    sums.push_back(outer.submit([&] {
      std::atomic<int> sum{0};
      treadle::thread_pool inner(with_threads(2));
      for (int k = 1; k <= 10; ++k) CHECK_OK(inner.post([&sum, k] { sum += k; }));
      CHECK_OK(inner.join());
      return sum.load();
    }));
  }
  for (auto& sum : sums) CHECK(sum.get() == 55);
}

/// Both are destroyed while their tasks still schedule on the other one, which refuses once it is shut down.
void end_while_they_use_each_other() {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> begun{0};
    two_pools pools(2);
    std::function<void()> bounce = [&] {
      ++begun;
      auto& there = treadle::this_worker::pool() == &pools.first ? pools.second : pools.first;
      const std::error_code refused = there.post(bounce);
      CHECK(!refused || refused == make_error_code(treadle::errc::shut_down));
    };
    for (int i = 0; i < 4; ++i) CHECK_OK(pools.first.post(bounce));
    CHECK(eventually([&] { return begun > 100; }));
    const auto mode = round % 2 == 0 ? treadle::shutdown_mode::drain : treadle::shutdown_mode::cancel;
    CHECK(!pools.second.shutdown(mode).error);
    CHECK_OK(pools.second.join());
    CHECK_OK(pools.first.join());
  }
}

constexpr program::scenario scenarios[] = {
    {"wait_on_each_other", &wait_on_each_other},
    {"deep_chain_on_one_worker_each", &deep_chain_on_one_worker_each},
    {"wait_on_each_other_without_spares", &wait_on_each_other_without_spares},
    {"run_on_each_other", &run_on_each_other},
    {"schedule_on_each_other", &schedule_on_each_other},
    {"drain_and_shut_down_from_the_other", &drain_and_shut_down_from_the_other},
    {"pool_inside_a_task", &pool_inside_a_task},
    {"end_while_they_use_each_other", &end_while_they_use_each_other},
};

}  // namespace

int main(int argc, char** argv) { return program::run_scenario(scenarios, argc, argv); }
