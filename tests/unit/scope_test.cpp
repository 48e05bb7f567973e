#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

// Scopes: no child is left behind, whoever spawned it and however the scope ends.

namespace treadle::test {
namespace {

class scope_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, scope_test, worker_counts(), worker_count_name);

/// A child in the caller's storage.
struct counted_child : scope_task {
  counted_child() noexcept : scope_task(&run) {}
  static void run(scope_task& child, worker&, const stop_token&) {
    static_cast<counted_child&>(child).runs.fetch_add(1, std::memory_order_relaxed);
  }
  std::atomic<int> runs{0};
};

/// Returns the code that `f` throws.
template <class F>
std::error_code thrown_by(F&& f) {
  try {
    f();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

TEST_P(scope_test, waits_for_all_children_on_a_worker) {
  thread_pool pool{config()};
  const std::size_t count = smaller_if_slow(2'000);
  const std::size_t ran = pool.run([&](worker& self) {
    std::vector<std::size_t> results(count, 0);
    scope s(self);
    for (std::size_t i = 0; i < count; ++i) s.spawn([&results, i] { results[i] = i + 1; });
    s.wait();
    return std::accumulate(results.begin(), results.end(), std::size_t{0});
  });
  EXPECT_EQ(ran, count * (count + 1) / 2);
}

TEST_P(scope_test, waits_for_all_children_from_outside) {
  thread_pool pool{config()};
  const std::size_t count = smaller_if_slow(2'000);
  std::vector<std::size_t> results(count, 0);
  scope s(pool);
  for (std::size_t i = 0; i < count; ++i) s.spawn([&results, i] { results[i] = i + 1; });
  s.wait();
  EXPECT_EQ(std::accumulate(results.begin(), results.end(), std::size_t{0}), count * (count + 1) / 2);
}

TEST_P(scope_test, waits_for_children_of_children) {
  thread_pool pool{config()};
  std::size_t leaves = 0;
  {
    std::atomic<std::size_t> counted{0};
    scope s(pool);
    std::function<void(int)> tree = [&](int depth) {
      if (depth == 0) {
        counted.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      for (int i = 0; i < 2; ++i) s.spawn([&tree, depth] { tree(depth - 1); });
    };
    tree(slow_factor > 1 ? 7 : 11);
    s.wait();
    leaves = counted.load(std::memory_order_relaxed);
  }
  EXPECT_EQ(leaves, std::size_t{1} << (slow_factor > 1 ? 7 : 11));
}

TEST_P(scope_test, destructor_waits) {
  thread_pool pool{config()};
  tally ran;
  for (int round = 0; round < 20; ++round) {
    const std::size_t before = ran.get();
    pool.run([&](worker& self) {
      scope s(self);
      for (int i = 0; i < 10; ++i) s.spawn([&] { ran.add(); });
    });
    EXPECT_EQ(ran.get(), before + 10);
  }
}

/// Scopes that end as their last child does, again and again: what the child touches last must be there still.
TEST_P(scope_test, may_be_gone_as_soon_as_the_last_child_is_over) {
  thread_pool pool{config()};
  tally ran;
  const std::size_t rounds = repetitions(2'000);
  for (std::size_t round = 0; round < rounds; ++round) {
    const auto child = std::make_unique<counted_child>();
    scope s(pool);
    s.spawn(*child);
    s.spawn([&] { ran.add(); });
    s.wait();
    ASSERT_EQ(child->runs.load(), 1);
  }
  EXPECT_EQ(ran.get(), rounds);
}

TEST_P(scope_test, can_be_used_again_after_a_wait) {
  thread_pool pool{config()};
  pool.run([&](worker& self) {
    scope s(self);
    std::size_t sum = 0;
    for (std::size_t round = 1; round <= 100; ++round) {
      std::atomic<std::size_t> added{0};
      for (int i = 0; i < 3; ++i) s.spawn([&] { added.fetch_add(round); });
      s.wait();
      sum += added;
    }
    EXPECT_EQ(sum, 3u * 5'050u);
  });
}

TEST_P(scope_test, an_empty_one_waits_for_nothing) {
  thread_pool pool{config()};
  scope s(pool);
  s.wait();
  s.wait();
  EXPECT_EQ(pool.stats().threads_started, 0u);
}

// ---- what a child may take, and where it comes from -----------------------------------------------------------------

TEST_P(scope_test, calls_with_worker_and_token_as_the_child_asks) {
  thread_pool pool{config()};
  tally right;
  const auto check = [&](bool condition) {
    if (condition) right.add();
  };
  scope s(pool);
  s.spawn([&] { check(this_worker::pool() == &pool); });
  s.spawn([&](worker& self) { check(&self.pool() == &pool && self.index() == this_worker::index()); });
  s.spawn([&](const stop_token& stop) { check(&stop == &s.token()); });
  s.spawn([&](worker& self, const stop_token& stop) { check(&self.pool() == &pool && &stop == &s.token()); });
  std::unique_ptr<int> movable = std::make_unique<int>(3);
  s.spawn([&, movable = std::move(movable)] { check(*movable == 3); });
  s.wait();
  EXPECT_EQ(right.get(), 5u);
}

TEST_P(scope_test, starts_a_range_in_one_batch) {
  thread_pool pool{config()};
  std::vector<std::size_t> values(smaller_if_slow(1'000));
  std::iota(values.begin(), values.end(), std::size_t{0});
  const std::list<int> few{1, 2, 3};
  std::vector<int> none;
  std::atomic<int> sum{0};
  tally right;
  pool.run([&](worker& self) {
    scope s(self);
    s.spawn_each(values, [](std::size_t& each) { each += 1; });
    s.spawn_each(few, [&](int each, worker& here, const stop_token& stop) {
      sum.fetch_add(each);
      if (&here.pool() == &pool && &stop == &s.token()) right.add();
    });
    s.spawn_each(none, [&](int) { ADD_FAILURE() << "a child of nothing"; });
    s.spawn_each(few.begin(), few.end(), [&](int each) { sum.fetch_add(each); });
    s.wait();
  });
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), std::size_t{0}), values.size() * (values.size() + 1) / 2);
  EXPECT_EQ(sum.load(), 12);
  EXPECT_EQ(right.get(), 3u);
}

TEST_P(scope_test, runs_children_in_the_callers_storage) {
  thread_pool pool{config()};
  std::vector<counted_child> many(smaller_if_slow(500));
  counted_child one;
  pool.run([&](worker& self) {
    scope s(self);
    s.spawn(one);
    s.spawn_each(many);
    s.wait();
    s.spawn(one);
  });
  EXPECT_EQ(one.runs.load(), 2);
  for (const counted_child& each : many) ASSERT_EQ(each.runs.load(), 1);
}

TEST_P(scope_test, a_child_in_the_callers_storage_may_free_itself_or_go_again) {
  struct repeated : scope_task {
    repeated(scope& own, tally& counted) noexcept : scope_task(&run), s(own), ran(counted) {}
    static void run(scope_task& child, worker&, const stop_token&) {
      auto& self = static_cast<repeated&>(child);
      self.ran.add();
      if (--self.left != 0) {
        self.s.spawn(self);
      } else {
        delete &self;
      }
    }
    scope& s;
    tally& ran;
    int left = 10;
  };
  thread_pool pool{config()};
  tally ran;
  {
    scope s(pool);
    for (int i = 0; i < 10; ++i) s.spawn(*std::make_unique<repeated>(s, ran).release());
    s.wait();
  }
  EXPECT_EQ(ran.get(), 100u);
}

// ---- exceptions -----------------------------------------------------------------------------------------------------

TEST_P(scope_test, rethrows_the_first_exception_and_requests_a_stop) {
  thread_pool pool{config()};
  bool caught = false, stopped = false;
  tally skipped_too_late;
  pool.run([&](worker& self) {
    scope s(self);
    s.spawn([] { throw std::runtime_error("first"); });
    for (int i = 0; i < 100; ++i) {
      s.spawn([](const stop_token& stop) {
        if (stop.stop_requested()) throw std::logic_error("later");
      });
    }
    try {
      s.wait();
    } catch (const std::runtime_error& error) {
      caught = std::string(error.what()) == "first";
    }
    stopped = s.stop_requested();
    s.spawn([&] { skipped_too_late.add(); });
    s.wait();
  });
  EXPECT_TRUE(caught);
  EXPECT_TRUE(stopped);
  EXPECT_EQ(skipped_too_late.get(), 0u) << "nothing starts after a stop";
}

TEST_P(scope_test, skips_children_that_have_not_started_when_one_throws) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers() - 1));
  tally ran;
  const bool caught = pool.run([&](worker& self) {
    scope s(self);
    s.spawn([] { throw std::runtime_error("first"); });
    for (int i = 0; i < 10; ++i) s.spawn([&] { ran.add(); });
    try {
      s.wait();
    } catch (const std::runtime_error&) {
      return true;
    }
    return false;
  });
  EXPECT_TRUE(caught);
  EXPECT_EQ(ran.get(), 0u) << "this worker runs them in order, and no other has one";
}

TEST_P(scope_test, hands_an_uncollected_exception_to_the_hook) {
  tally told;
  pool_config settings = config();
  settings.hooks.context = &told;
  settings.hooks.unhandled_exception = [](void* context, std::exception_ptr error) noexcept {
    try {
      std::rethrow_exception(std::move(error));
    } catch (const std::runtime_error&) {
      static_cast<tally*>(context)->add();
    } catch (...) {
    }
  };
  thread_pool pool{settings};
  pool.run([&](worker& self) {
    scope s(self);
    s.spawn([] { throw std::runtime_error("nobody waits"); });
    s.spawn([] { throw std::runtime_error("nor for this"); });
  });
  EXPECT_EQ(told.get(), 1u) << "the first only";
  {
    scope s(pool);
    s.spawn([] { throw std::runtime_error("from outside"); });
  }
  EXPECT_EQ(told.get(), 2u);
}

TEST_P(scope_test, left_by_an_exception_stops_and_waits) {
  thread_pool pool{config()};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, workers() - 1));
  tally ran;
  const bool passed_through = pool.run([&](worker& self) {
    try {
      scope s(self);
      for (int i = 0; i < 10; ++i) s.spawn([&] { ran.add(); });
      throw std::runtime_error("of the owner");
    } catch (const std::runtime_error& error) {
      return std::string(error.what()) == "of the owner";
    }
  });
  EXPECT_TRUE(passed_through);
  EXPECT_EQ(ran.get(), 0u);
}

// ---- stopping -------------------------------------------------------------------------------------------------------

TEST_P(scope_test, a_stop_reaches_running_children_and_skips_the_others) {
  gate started;
  thread_pool pool{config()};
  tally ran;
  scope s(pool);
  s.spawn([&](const stop_token& stop) {
    started.open();
    EXPECT_TRUE(eventually([&] { return stop.stop_requested(); }));
  });
  ASSERT_TRUE(started.pass());
  EXPECT_TRUE(s.request_stop());
  EXPECT_FALSE(s.request_stop());
  s.spawn([&] { ran.add(); });
  s.wait();  // who asked knows: no exception
  EXPECT_EQ(ran.get(), 0u);
}

TEST_P(scope_test, a_stop_of_the_parent_reaches_the_scope_inside) {
  thread_pool pool{config()};
  stop_token parent;
  std::error_code code;
  tally ran;
  pool.run([&](worker& self) {
    scope outer(self, parent);
    outer.spawn([&](worker& here, const stop_token& stop) {
      scope inner(here, stop);
      parent.request_stop();
      EXPECT_TRUE(inner.stop_requested());
      inner.spawn([&] { ran.add(); });
      code = thrown_by([&] { inner.wait(); });
    });
    outer.wait();
  });
  EXPECT_EQ(code, errc::cancelled) << "somebody else has asked, so what is missing is told";
  EXPECT_EQ(ran.get(), 0u);
}

TEST_P(scope_test, a_token_of_the_standard_library_can_be_the_parent) {
  thread_pool pool{config()};
  std::stop_source source;
  const stop_token adapted(source.get_token());
  scope s(pool, adapted);
  EXPECT_FALSE(s.stop_requested());
  source.request_stop();
  EXPECT_TRUE(s.stop_requested());
}

TEST_P(scope_test, skipped_children_of_each_kind_are_ended) {
  thread_pool pool{config()};
  const auto held = std::make_shared<int>(1);
  std::vector<int> values(10);
  std::vector<counted_child> intrusive(10);
  {
    stop_token parent;
    parent.request_stop();
    scope s(pool, parent);
    s.spawn([held] { ADD_FAILURE() << "ran"; });
    s.spawn_each(values, [held](int) { ADD_FAILURE() << "ran"; });
    s.spawn_each(intrusive);
    EXPECT_EQ(thrown_by([&] { s.wait(); }), errc::cancelled);
    s.wait();  // told once
  }
  EXPECT_EQ(held.use_count(), 1);
  for (const counted_child& each : intrusive) EXPECT_EQ(each.runs.load(), 0);
}

}  // namespace
}  // namespace treadle::test
