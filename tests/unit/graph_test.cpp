#include <random.hpp>
#include <tasks.hpp>
#include <waiting.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

// How graphs are built, checked and written down, and in what order their steps run. What a run does when things go
// wrong, and who runs what, is in graph_run_test.cpp.

namespace treadle::test {
namespace {

class graph_test : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, graph_test, worker_counts(), worker_count_name);

/// Returns the error with which a run is refused.
std::pair<std::error_code, std::string> refusal(graph& refused, thread_pool& pool) {
  try {
    refused.run(pool);
  } catch (const std::system_error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

// ---- order ----------------------------------------------------------------------------------------------------------

TEST_P(graph_test, runs_a_diamond_in_order) {
  thread_pool pool{config()};
  for (int i = 0; i < 50; ++i) {
    int a = 0, b = 0, c = 0, d = 0;  // not atomic: the order is what makes them safe
    graph diamond;
    auto first = diamond.add("a", [&] { a = 1; });
    auto left = diamond.add("b", [&](worker&) { b = a + 1; });
    auto right = diamond.add("c", [&] { c = a + 2; });
    auto last = diamond.add("d", [&] { d = b + c; });
    first.precede(left, right);
    last.succeed(left, right);
    diamond.run(pool);
    EXPECT_EQ(d, 5);
  }
}

/// A random graph whose steps check that all that precede them have run, once each.
struct random_graph {
  random_graph(random_source& random, std::size_t count, std::size_t most_edges) : runs(count), before(count) {
    std::vector<graph::node> nodes;
    for (std::size_t i = 0; i < count; ++i) {
      nodes.push_back(made.add([this, i] {
        for (const std::size_t earlier : before[i]) {
          if (runs[earlier] != round) out_of_order.add();
        }
        if (++runs[i] != round) out_of_order.add();
      }));
    }
    for (std::size_t i = 1; i < count; ++i) {
      for (std::size_t edges = random.below(most_edges + 1); edges != 0; --edges) {
        const std::size_t earlier = random.below(i);
        before[i].push_back(earlier);
        nodes[earlier].precede(nodes[i]);
      }
    }
  }

  bool runs_right(thread_pool& pool) {
    ++round;
    made.run(pool);
    for (const std::size_t each : runs) {
      if (each != round) return false;
    }
    return out_of_order.get() == 0;
  }

  graph made;
  std::size_t round = 0;
  std::vector<std::size_t> runs;
  std::vector<std::vector<std::size_t>> before;
  tally out_of_order;
};

TEST_P(graph_test, runs_each_step_once_after_all_that_precede_it) {
  thread_pool pool{config()};
  const std::uint64_t seed = run_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_source random(seed);
  for (std::size_t graphs = repetitions(20); graphs != 0; --graphs) {
    random_graph one(random, 1 + random.below(200), random.below(5));
    for (int again = 0; again < 5; ++again) ASSERT_TRUE(one.runs_right(pool)) << "run " << again;
  }
}

TEST_P(graph_test, fans_out_and_in) {
  thread_pool pool{config()};
  constexpr std::size_t width = 2000;
  std::vector<int> squares(width);
  std::size_t sum = 0;
  graph wide;
  auto last = wide.add([&] {
    for (const int each : squares) sum += static_cast<std::size_t>(each);
  });
  auto first = wide.add([&] { sum = 0; });
  for (std::size_t i = 0; i < width; ++i) {
    wide.add([&squares, i] { squares[i] = static_cast<int>(i % 10); }).succeed(first).precede(last);
  }
  for (int again = 0; again < 3; ++again) {
    wide.run(pool);
    EXPECT_EQ(sum, width / 10 * 45);
  }
}

TEST(graph_order, is_that_of_adding_on_one_worker) {
  thread_pool pool{{.max_threads = 1}};
  std::string order;
  graph some;
  auto a = some.add([&] { order += 'a'; });
  auto b = some.add([&] { order += 'b'; });
  auto c = some.add([&] { order += 'c'; });
  some.add([&] { order += 'd'; }).succeed(a, b, c);
  some.run(pool);
  EXPECT_EQ(order, "abcd");
}

TEST_P(graph_test, follows_a_chain_of_a_million_steps) {
  thread_pool pool{config()};
  const std::size_t length = smaller_if_slow(1'000'000);
  std::size_t count = 0, out_of_turn = 0;
  graph chain;
  auto last = chain.add([&] { count = 1; });
  for (std::size_t i = 1; i < length; ++i) {
    last = chain.add([&, i] { out_of_turn += count++ != i ? 1U : 0U; }).succeed(last);
  }
  chain.run(pool);
  EXPECT_EQ(count, length);
  EXPECT_EQ(out_of_turn, 0u);
}

TEST_P(graph_test, counts_an_edge_that_is_there_twice) {
  thread_pool pool{config()};
  int ran = 0;
  graph doubled;
  auto a = doubled.add([&] { ran = 1; });
  auto b = doubled.add([&] { ran = ran * 10 + 2; });
  a.precede(b, b);
  EXPECT_EQ(a.successors(), 2u);
  doubled.run_n(pool, 3);
  EXPECT_EQ(ran, 12);
}

TEST(graph_empty, is_over_at_once) {
  thread_pool pool;
  graph nothing("nothing");
  EXPECT_TRUE(nothing.empty());
  nothing.run(pool);
  nothing.run_n(pool, 1000);
  nothing.run_until(pool, [] { return false; });
  nothing.start(pool);
  EXPECT_FALSE(nothing.is_running());
  nothing.wait();
  EXPECT_EQ(pool.stats().threads_started, 0u);
}

// ---- branches -------------------------------------------------------------------------------------------------------

TEST_P(graph_test, loops_as_a_branch_says) {
  thread_pool pool{config()};
  int rounds = 0, body = 0, after = 0;
  graph loop;
  auto start = loop.add("start", [&] { rounds = 0; });
  auto step = loop.add("body", [&] { ++body; });
  auto again = loop.add_branch("again?", [&] { return ++rounds < 1000 ? 0 : 1; });
  auto done = loop.add("done", [&] { ++after; });
  start.precede(step);
  step.precede(again);
  again.precede(step, done);
  loop.run(pool);
  EXPECT_EQ(body, 1000);
  EXPECT_EQ(after, 1);
  loop.run_n(pool, 2);
  EXPECT_EQ(body, 3000);
  EXPECT_EQ(after, 3);
}

TEST_P(graph_test, runs_what_a_branch_chooses_and_nothing_else) {
  thread_pool pool{config()};
  long long chosen = 0;
  std::array<int, 3> ran{};
  graph choice;
  auto branch = choice.add_branch([&](worker&) { return chosen; });
  for (int& each : ran) branch.precede(choice.add([&each] { ++each; }));
  for (chosen = -1; chosen < 4; ++chosen) choice.run(pool);
  chosen = INT64_MIN;
  choice.run(pool);
  EXPECT_EQ(ran, (std::array<int, 3>{1, 1, 1}));
}

TEST_P(graph_test, takes_bool_as_a_number) {
  thread_pool pool{config()};
  int left = 10, ended = 0;
  graph loop;
  auto branch = loop.add_branch([&] { return --left == 0; });
  loop.add([] {}).precede(branch);
  branch.precede(branch, loop.add([&] { ++ended; }));  // a branch may lead to itself
  loop.run(pool);
  EXPECT_EQ(left, 0);
  EXPECT_EQ(ended, 1);
}

/// A loop whose body is parallel: the counts of those who meet are full again for each round.
TEST_P(graph_test, loops_over_what_runs_in_parallel) {
  thread_pool pool{config()};
  std::array<int, 8> parts{};
  int rounds = 0, sum = 0;
  graph loop;
  auto begin = loop.add([&] { sum = 0; });
  auto join = loop.add([&] {
    for (const int each : parts) sum += each;
  });
  for (int& part : parts) loop.add([&part] { ++part; }).succeed(begin).precede(join);
  auto again = loop.add_branch([&] { return ++rounds % 100 != 0 ? 0 : 1; });
  loop.add([] {}).precede(begin);
  join.precede(again);
  again.precede(begin);
  loop.run(pool);
  EXPECT_EQ(sum, 800);
  loop.run(pool);
  EXPECT_EQ(sum, 1600);
}

/// Two branches that choose the same step at the same time: it runs twice, and never beside itself.
TEST_P(graph_test, never_runs_a_step_beside_itself) {
  thread_pool pool{config()};
  constexpr std::size_t branches = 16;
  std::atomic<int> inside{0};
  std::size_t ran = 0;
  bool together = false;
  graph meeting;
  auto start = meeting.add([] {});
  auto shared = meeting.add([&] {
    together |= inside.fetch_add(1) != 0;
    ++ran;
    inside.fetch_sub(1);
  });
  for (std::size_t i = 0; i < branches; ++i) meeting.add_branch([] { return 0; }).succeed(start).precede(shared);
  for (std::size_t i = 1; i <= 50; ++i) {
    meeting.run(pool);
    ASSERT_EQ(ran, branches * i);
  }
  EXPECT_FALSE(together);
}

// ---- graphs in graphs -----------------------------------------------------------------------------------------------

TEST_P(graph_test, runs_graphs_in_graphs) {
  thread_pool pool{config()};
  tally ran;
  std::vector<std::unique_ptr<graph>> nested;
  for (std::size_t depth = 0; depth < 5; ++depth) {
    nested.push_back(std::make_unique<graph>());
    graph& outer = *nested.back();
    auto first = outer.add([&ran] { ran.add(); });
    auto last = outer.add([&ran] { ran.add(); });
    for (int i = 0; i < 4; ++i) outer.add([&ran] { ran.add(); }).succeed(first).precede(last);
    if (depth != 0) outer.add_graph("inner", *nested[depth - 1]).succeed(first).precede(last);
  }
  nested.back()->run_n(pool, 10);
  EXPECT_EQ(ran.get(), 10u * 5 * 6);
}

TEST_P(graph_test, refuses_a_graph_that_runs_itself) {
  thread_pool pool{config()};
  graph outer, inner;
  outer.add_graph("inner", inner);
  inner.add_graph("outer", outer);
  EXPECT_EQ(refusal(outer, pool).first, errc::graph_is_running);
  EXPECT_FALSE(outer.is_running());
}

// ---- what is refused ------------------------------------------------------------------------------------------------

TEST(graph_refusals, name_the_circle) {
  thread_pool pool;
  graph wrong("build");
  auto before = wrong.add("before", [] {});
  auto fetch = wrong.add("fetch", [] {});
  auto unpack = wrong.add("unpack", [] {});
  auto compile = wrong.add("compile", [] {});
  auto after = wrong.add("after", [] {});
  before.precede(fetch);
  fetch.precede(unpack);
  unpack.precede(compile);
  compile.precede(fetch, after);
  const auto [code, what] = refusal(wrong, pool);
  EXPECT_EQ(code, errc::graph_cycle);
  EXPECT_EQ(what.find("treadle::graph build: fetch -> unpack -> compile -> fetch: "), 0u) << what;
  EXPECT_EQ(pool.stats().threads_started, 0u);
  EXPECT_FALSE(wrong.is_running());
}

TEST(graph_refusals, name_a_step_that_waits_for_itself_and_one_without_a_name) {
  thread_pool pool;
  graph wrong;
  wrong.add([] {});
  auto self = wrong.add([] {});
  self.precede(self);
  EXPECT_NE(refusal(wrong, pool).second.find("#1 -> #1: "), std::string::npos);
}

TEST(graph_refusals, shorten_a_long_circle) {
  thread_pool pool;
  graph wrong;
  auto first = wrong.add([] {});
  auto last = first;
  for (int i = 1; i < 100'000; ++i) last = wrong.add([] {}).succeed(last);
  last.precede(first);
  const std::string what = refusal(wrong, pool).second;
  EXPECT_NE(what.find("#0 -> #1 -> "), std::string::npos) << what;
  EXPECT_NE(what.find("... -> #99996"), std::string::npos) << what;
  EXPECT_NE(what.find("#99999 -> #0: "), std::string::npos) << what;
  EXPECT_LT(what.size(), 1000u);
}

TEST(graph_refusals, of_a_circle_end_where_a_branch_is_in_it) {
  thread_pool pool;
  int ran = 0;
  graph right;
  auto a = right.add([&] { ++ran; });
  auto b = right.add_branch([&] { return ran < 3 ? 0 : 1; });
  a.precede(b);
  b.precede(a);
  EXPECT_EQ(refusal(right, pool).first, errc::graph_has_no_source);
  right.add([] {}).precede(a);
  right.run(pool);
  EXPECT_EQ(ran, 3);
}

TEST(graph_refusals, of_another_graphs_node_change_nothing) {
  thread_pool pool;
  graph mine("mine"), other;
  auto a = mine.add("a", [] {});
  auto b = other.add("b", [] {});
  for (const auto& wrong : {std::pair(a, b), std::pair(b, a)}) {
    try {
      wrong.first.precede(wrong.second);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), errc::foreign_node);
    }
  }
  EXPECT_EQ(a.successors() + b.successors(), 0u);
  mine.run(pool);
}

TEST(graph_refusals, of_changes_last_as_long_as_the_run) {
  gate opened;
  thread_pool pool{{.max_threads = 1}};
  graph busy;
  auto only = busy.add([&] { opened.pass(); });
  busy.start(pool);
  EXPECT_TRUE(busy.is_running());
  EXPECT_THROW(busy.add([] {}), std::system_error);
  EXPECT_THROW(only.precede(only), std::system_error);
  EXPECT_EQ(refusal(busy, pool).first, errc::graph_is_running);
  opened.open();
  busy.wait();
  busy.add([] {});
  EXPECT_EQ(busy.size(), 2u);
  busy.run(pool);
}

TEST_P(graph_test, may_grow_between_runs) {
  thread_pool pool{config()};
  int count = 0;
  graph growing;
  auto last = growing.add([&] { ++count; });
  for (int size = 1; size <= 20; ++size) {
    count = 0;
    growing.run(pool);
    EXPECT_EQ(count, size);
    last = growing.add([&] { ++count; }).succeed(last);
  }
}

// ---- dot ------------------------------------------------------------------------------------------------------------

TEST(graph_dot, writes_steps_branches_and_graphs) {
  graph inner("inner");
  inner.add("only", [] {});
  graph outer("say \"hi\"");
  auto a = outer.add("a\\b\nc", [] {});
  auto choice = outer.add_branch("choice", [] { return 0; });
  auto sub = outer.add_graph("sub", inner);
  a.precede(choice);
  choice.precede(sub, a);
  EXPECT_EQ(outer.dot(),
            "digraph \"say \\\"hi\\\"\" {\n"
            "  n0 [label=\"a\\\\b\\nc\", shape=box];\n"
            "  n0 -> n1;\n"
            "  n1 [label=\"choice\", shape=diamond];\n"
            "  n1 -> n2 [style=dashed, label=\"0\"];\n"
            "  n1 -> n0 [style=dashed, label=\"1\"];\n"
            "  n2 [label=\"sub\", shape=box3d];\n"
            "  subgraph cluster_n2 {\n"
            "    label=\"sub\";\n"
            "    n2_0 [label=\"only\", shape=box];\n"
            "  }\n"
            "}\n");
}

TEST(graph_dot, ends_where_a_graph_runs_itself) {
  graph self("self");
  self.add_graph("again", self);
  EXPECT_LT(self.dot().size(), 10'000u);
}

}  // namespace
}  // namespace treadle::test
