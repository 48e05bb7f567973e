#include <policies.hpp>
#include <waiting.hpp>

#include <treadle/detail/task_queue.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

using detail::push_status;
using detail::take_status;

struct node {
  std::atomic<node*> next{nullptr};
  std::size_t number = 0;
  std::size_t producer = 0;
  std::atomic<int> taken{0};
};

template <int Defect = 0>
using queue_of = detail::task_queue<with_seed_defect<Defect>, node>;

/// Links nodes[from..to) and pushes them as one list.
template <class Queue>
push_status push_range(Queue& queue, std::vector<node>& nodes, std::size_t from, std::size_t to,
                       bool even_closed = false) {
  for (std::size_t i = from; i < to; ++i) {
    nodes[i].number = i;
    nodes[i].next.store(i + 1 < to ? &nodes[i + 1] : nullptr, std::memory_order_relaxed);
  }
  return queue.push(&nodes[from], &nodes[to - 1], even_closed);
}

template <class Queue>
std::vector<std::size_t> take_once(Queue& queue, std::size_t limit, bool& more) {
  std::vector<std::size_t> numbers;
  static_cast<void>(queue.take(limit, more, [&](const node* each) { numbers.push_back(each->number); }));
  return numbers;
}

/// Takes `limit` nodes if there are as many: the newest one comes with a take of its own.
template <class Queue>
std::vector<std::size_t> take(Queue& queue, std::size_t limit, bool& more) {
  std::vector<std::size_t> numbers = take_once(queue, limit, more);
  if (more && numbers.size() < limit) {
    for (const std::size_t number : take_once(queue, limit - numbers.size(), more)) numbers.push_back(number);
  }
  return numbers;
}

/// 0..9, pushed one by one, as they come out.
template <int Defect>
std::vector<std::size_t> order_of_singles() {
  std::vector<node> nodes(10);
  queue_of<Defect> queue;
  for (std::size_t i = 0; i < nodes.size(); ++i) static_cast<void>(push_range(queue, nodes, i, i + 1));
  bool more = false;
  std::vector<std::size_t> order = take(queue, 1, more);
  for (const std::size_t number : take(queue, 100, more)) order.push_back(number);
  return order;
}

/// Submitted one by one as 0..9, the seed's came out as 0 9 8 7 6 5 4 3 2 1.
TEST(task_queue, seed_defect_18) {
  EXPECT_EQ(order_of_singles<0>(), (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(order_of_singles<18>(), (std::vector<std::size_t>{0, 9, 8, 7, 6, 5, 4, 3, 2, 1}))
      << "the switch no longer restores the fault";
  std::vector<node> nodes(10);
  queue_of<> queue;
  for (std::size_t i = 0; i < nodes.size(); ++i) EXPECT_EQ(push_range(queue, nodes, i, i + 1), push_status::accepted);
  bool more = false;
  EXPECT_EQ(take(queue, 1, more), std::vector<std::size_t>{0});
  EXPECT_TRUE(more);
  EXPECT_EQ(take(queue, 100, more), (std::vector<std::size_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_FALSE(more);
  EXPECT_TRUE(queue.looks_empty());
}

/// The first of a list of two is taken and pushed again by itself, its link to the second still in it.
template <int Defect>
std::vector<std::size_t> order_after_a_repeat() {
  std::vector<node> nodes(2);
  queue_of<Defect> queue;
  static_cast<void>(push_range(queue, nodes, 0, 2));
  bool more = false;
  std::vector<std::size_t> order = take(queue, 1, more);
  nodes[0].next.store(&nodes[1], std::memory_order_relaxed);
  static_cast<void>(queue.push(&nodes[0], &nodes[0], false));
  for (const std::size_t number : take(queue, 4, more)) order.push_back(number);
  return order;
}

/// A task of the seed that scheduled itself again took what came behind it in its old batch along: that ran twice.
TEST(task_queue, seed_defect_4) {
  EXPECT_EQ(order_after_a_repeat<0>(), (std::vector<std::size_t>{0, 1, 0}));
  EXPECT_EQ(order_after_a_repeat<4>(), (std::vector<std::size_t>{0, 1, 0, 1, 0}))
      << "the switch no longer restores the fault";
}

/// Notes what was last done to an atomic word of the queue.
template <int Defect>
struct noting_policy : with_seed_defect<Defect> {
  static inline char last = ' ';
  template <class T>
  struct atomic : std::atomic<T> {
    using std::atomic<T>::atomic;
    T load(std::memory_order order) const noexcept {
      last = 'l';
      return std::atomic<T>::load(order);
    }
    void store(T value, std::memory_order order) noexcept {
      last = 's';
      std::atomic<T>::store(value, order);
    }
  };
};

/// What a push that wakes nobody does to the queue last.
template <int Defect>
char last_touch_of_a_push() {
  struct noted_node {
    typename noting_policy<Defect>::template atomic<noted_node*> next{nullptr};
  };
  noted_node pushed;
  detail::task_queue<noting_policy<Defect>, noted_node> queue;
  static_cast<void>(queue.push(&pushed, &pushed, false));
  return noting_policy<Defect>::last;
}

/// The seed's schedule looked at the pool once more after the push, when its own task might have freed it already.
TEST(task_queue, seed_defect_15) {
  EXPECT_EQ(last_touch_of_a_push<0>(), 's') << "something follows the link that lets the task be taken";
  EXPECT_EQ(last_touch_of_a_push<15>(), 'l') << "the switch no longer restores the fault";
}

TEST(task_queue, keeps_the_order_of_lists_and_singles) {
  std::vector<node> nodes(1'000);
  queue_of<> queue;
  std::vector<std::size_t> seen;
  bool more = false;
  std::size_t pushed = 0;
  for (std::size_t size = 1; pushed < nodes.size(); size = size % 17 + 1) {
    const std::size_t to = std::min(pushed + size, nodes.size());
    EXPECT_EQ(push_range(queue, nodes, pushed, to), push_status::accepted);
    pushed = to;
    if (size % 3 == 0) {
      for (const std::size_t number : take(queue, 5, more)) seen.push_back(number);
    }
  }
  for (const std::size_t number : take(queue, SIZE_MAX, more)) seen.push_back(number);
  ASSERT_EQ(seen.size(), nodes.size());
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i);
  EXPECT_EQ(take(queue, 1, more), std::vector<std::size_t>{});
}

/// So that a consumer who comes to the end does not write what the producers write.
TEST(task_queue, leaves_the_newest_while_there_are_others) {
  std::vector<node> nodes(4);
  queue_of<> queue;
  EXPECT_FALSE(queue.looks_ready());
  EXPECT_EQ(push_range(queue, nodes, 0, 3), push_status::accepted);
  bool more = false;
  EXPECT_EQ(take_once(queue, 3, more), (std::vector<std::size_t>{0, 1}));
  EXPECT_TRUE(more);
  EXPECT_TRUE(queue.looks_ready());
  EXPECT_EQ(push_range(queue, nodes, 3, 4), push_status::accepted);
  EXPECT_EQ(take_once(queue, 3, more), std::vector<std::size_t>{2});
  EXPECT_TRUE(more);
  EXPECT_EQ(take_once(queue, 3, more), std::vector<std::size_t>{3});
  EXPECT_FALSE(more);
  EXPECT_FALSE(queue.looks_ready());
  EXPECT_TRUE(queue.looks_empty());
}

TEST(task_queue, asks_once_for_a_wake_up_after_it_was_armed) {
  std::vector<node> nodes(4);
  queue_of<> queue(true);
  EXPECT_EQ(push_range(queue, nodes, 0, 1), push_status::accepted_must_wake);
  EXPECT_EQ(push_range(queue, nodes, 1, 2), push_status::accepted);
  EXPECT_TRUE(queue.arm()) << "something is queued";
  EXPECT_EQ(push_range(queue, nodes, 2, 3), push_status::accepted_must_wake);
  bool more = false;
  EXPECT_EQ(take(queue, 10, more).size(), 3u);
  EXPECT_FALSE(queue.arm());
  EXPECT_FALSE(queue.arm());
  EXPECT_EQ(push_range(queue, nodes, 3, 4), push_status::accepted_must_wake);
}

TEST(task_queue, keeps_the_flag_over_a_take) {
  std::vector<node> nodes(2);
  queue_of<> queue;
  EXPECT_EQ(push_range(queue, nodes, 0, 1), push_status::accepted);
  EXPECT_TRUE(queue.arm());
  bool more = false;
  EXPECT_EQ(take(queue, 10, more).size(), 1u);
  EXPECT_EQ(push_range(queue, nodes, 1, 2), push_status::accepted_must_wake) << "the sleeper's request was forgotten";
}

TEST(task_queue, refuses_when_the_wake_up_cannot_be_given) {
  std::vector<node> nodes(2);
  queue_of<> queue(true);
  int asked = 0;
  EXPECT_EQ(queue.push(&nodes[0], &nodes[0], false, [&] { return ++asked > 1; }), push_status::refused);
  EXPECT_TRUE(queue.looks_empty());
  EXPECT_EQ(queue.push(&nodes[0], &nodes[0], false, [&] { return ++asked > 1; }), push_status::accepted_must_wake);
  EXPECT_EQ(queue.push(&nodes[1], &nodes[1], false, [&] { return ++asked > 9; }), push_status::accepted);
  EXPECT_EQ(asked, 2) << "a push that wakes nobody asks nobody";
}

TEST(task_queue, closed_refuses_outsiders_only_and_keeps_what_it_has) {
  std::vector<node> nodes(4);
  queue_of<> queue;
  EXPECT_FALSE(queue.is_closed());
  EXPECT_EQ(push_range(queue, nodes, 0, 1), push_status::accepted);
  queue.close();
  EXPECT_TRUE(queue.is_closed());
  EXPECT_EQ(push_range(queue, nodes, 1, 3), push_status::refused);
  EXPECT_EQ(nodes[1].next.load(), &nodes[2]) << "a refused list is whole";
  EXPECT_EQ(push_range(queue, nodes, 3, 4, true), push_status::accepted);
  bool more = false;
  EXPECT_EQ(take(queue, 10, more), (std::vector<std::size_t>{0, 3}));
  EXPECT_TRUE(queue.is_closed());
}

/// A push that comes while another worker takes. Returns whether the taker says that more is there.
template <int Defect>
bool tells_of_a_push_during_a_take() {
  std::vector<node> nodes(3);
  queue_of<Defect> queue;
  static_cast<void>(push_range(queue, nodes, 0, 2));
  bool pushed = false, more = false;
  static_cast<void>(queue.take(2, more, [&](node*) {
    if (!pushed) static_cast<void>(push_range(queue, nodes, 2, 3));
    pushed = true;
  }));
  return more;
}

/// Nobody told of the seed's push during a consumption, if the worker whom it had woken saw the queue as held.
TEST(task_queue, seed_defect_14) {
  EXPECT_TRUE(tells_of_a_push_during_a_take<0>());
  EXPECT_FALSE(tells_of_a_push_during_a_take<14>()) << "the switch no longer restores the fault";
}

/// Whether a queue with work in it looks empty while somebody takes one node of it.
template <int Defect>
bool hides_its_work_during_a_take() {
  std::vector<node> nodes(300);
  queue_of<Defect> queue;
  static_cast<void>(push_range(queue, nodes, 0, nodes.size()));
  bool hidden = false, more = false;
  static_cast<void>(queue.take(1, more, [&](node*) { hidden = queue.looks_empty(); }));
  return hidden;
}

/// While one worker of the seed moved up to 257 nodes, everybody else saw "empty" and parked.
TEST(task_queue, seed_defect_20) {
  EXPECT_FALSE(hides_its_work_during_a_take<0>());
  EXPECT_TRUE(hides_its_work_during_a_take<20>()) << "the switch no longer restores the fault";
  std::vector<node> nodes(300);
  queue_of<> queue;
  static_cast<void>(push_range(queue, nodes, 0, nodes.size()));
  for (const std::size_t limit : {1u, 60u, 128u}) {
    bool more = false;
    EXPECT_EQ(take(queue, limit, more).size(), limit) << "the take is bounded";
    EXPECT_TRUE(more);
  }
}

TEST(task_queue, shows_what_is_queued_and_leaves_it) {
  queue_of<> queue;
  std::vector<node> nodes(5);
  const auto look = [&](std::size_t most) {
    std::vector<std::size_t> numbers;
    EXPECT_TRUE(queue.look(most, [&](const node& each) { numbers.push_back(each.number); }));
    return numbers;
  };
  EXPECT_TRUE(look(9).empty());
  EXPECT_EQ(push_range(queue, nodes, 0, 3), push_status::accepted);
  EXPECT_EQ(push_range(queue, nodes, 3, 5), push_status::accepted);
  EXPECT_EQ(look(9), (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(look(2), (std::vector<std::size_t>{0, 1}));
  bool more = false;
  EXPECT_EQ(take(queue, 2, more), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(look(9), (std::vector<std::size_t>{2, 3, 4}));
  // Whoever takes has it for itself.
  static_cast<void>(queue.take(1, more, [&](const node*) { EXPECT_FALSE(queue.look(9, [](const node&) {})); }));
  EXPECT_EQ(look(9), (std::vector<std::size_t>{3, 4}));
  EXPECT_EQ(take(queue, 9, more).size(), 2u);
}

TEST(task_queue, has_one_consumer_at_a_time) {
  std::vector<node> nodes(3);
  queue_of<> queue;
  static_cast<void>(push_range(queue, nodes, 0, 3));
  take_status inner = take_status::taken;
  bool more = false;
  EXPECT_EQ(queue.take(1, more,
                       [&](node*) {
                         bool inner_more = false;
                         inner = queue.take(1, inner_more, [](node*) {});
                       }),
            take_status::taken);
  EXPECT_EQ(inner, take_status::contended);
  EXPECT_EQ(take(queue, 5, more), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(queue.take(1, more, [](node*) {}), take_status::empty);
}

/// Several producers and consumers: each node once, and each producer's in their order for each consumer.
TEST(task_queue, between_many_threads) {
  constexpr std::size_t producers = 2, consumers = 2;
  const std::size_t each = smaller_if_slow(50'000);
  queue_of<> queue;
  std::vector<std::vector<node>> nodes(producers);
  tally taken, disorder;
  std::vector<std::thread> threads;
  for (std::size_t p = 0; p < producers; ++p) {
    nodes[p] = std::vector<node>(each);
    for (node& made : nodes[p]) made.producer = p;
    threads.emplace_back([&, p] {
      std::size_t at = 0;
      for (std::size_t size = 1; at < each; size = size % 5 + 1) {
        const std::size_t to = std::min(at + size, each);
        static_cast<void>(push_range(queue, nodes[p], at, to));
        at = to;
      }
    });
  }
  for (std::size_t c = 0; c < consumers; ++c) {
    threads.emplace_back([&] {
      std::vector<std::size_t> next(producers, 0);
      while (taken.get() < producers * each) {
        bool more = false;
        const take_status status = queue.take(7, more, [&](node* got) {
          if (got->number < next[got->producer]) disorder.add();
          next[got->producer] = got->number + 1;
          got->taken.fetch_add(1, std::memory_order_relaxed);
          taken.add();
        });
        if (status != take_status::taken) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(disorder.get(), 0u);
  for (const auto& own : nodes) {
    for (const node& got : own) ASSERT_EQ(got.taken.load(), 1);
  }
  EXPECT_TRUE(queue.looks_empty());
}

}  // namespace
}  // namespace treadle::test
