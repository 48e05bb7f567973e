// Models of task_queue.hpp: what is pushed comes out once and in order, a sleeper who arms and a pusher do not miss
// each other, and nobody touches what the other side has freed.
#include "model_test.hpp"

#include <treadle/detail/task_queue.hpp>

#include <array>

namespace {

using mc::model_policy;
using mc::with_defect;
using treadle::detail::push_status;
using treadle::detail::take_status;

struct node {
  mc::atomic<node*> next{nullptr};
  mc::plain<int> value{0};
};

constexpr int max_nodes = 6;

template <class P>
struct state {
  using queue = treadle::detail::task_queue<P, node>;
  queue tasks;
  queue elsewhere;
  std::array<node, max_nodes> nodes;
  std::array<int, max_nodes> taken[2] = {};  ///< by each consumer
  int last[2][2] = {{-1, -1}, {-1, -1}};     ///< the last number that a consumer got from a producer
  int count[2] = {};
  bool more[2] = {};
  push_status pushed = push_status::refused;
  take_status status[2] = {};
  bool armed = false;

  /// Pushes nodes first..last as one list. Numbers from 3 on are those of the second producer.
  push_status push(int first, int last_of_list, bool even_closed = false) {
    for (int i = first; i <= last_of_list; ++i) at(i).value.set(i);
    for (int i = first; i < last_of_list; ++i) at(i).next.store(queue::marked(&at(i + 1)), std::memory_order_relaxed);
    return tasks.push(&at(first), &at(last_of_list), even_closed);
  }
  node& at(int i) { return nodes[static_cast<std::size_t>(i)]; }
  void take(int consumer, node* one) {
    const int number = one->value.get();
    MC_CHECK(&at(number) == one);
    int& before = last[consumer][number / 3];
    MC_CHECK(number > before);
    before = number;
    ++taken[consumer][static_cast<std::size_t>(number)];
    ++count[consumer];
  }
  take_status take_some(int consumer, std::size_t limit) {
    status[consumer] = tasks.take(limit, more[consumer], [&](node* one) { take(consumer, one); });
    return status[consumer];
  }
  void take_until(int consumer, int wanted) {
    while (count[consumer] < wanted) {
      if (take_some(consumer, 2) != take_status::taken) P::yield();
    }
  }
  void look() {
    int before = -1;
    static_cast<void>(tasks.look(max_nodes, [&](const node& shown) {
      const int number = shown.value.get();
      MC_CHECK(number > before);
      before = number;
    }));
  }
  void check_taken_once(std::initializer_list<int> numbers) {
    for (const int i : numbers) {
      MC_CHECK(taken[0][static_cast<std::size_t>(i)] + taken[1][static_cast<std::size_t>(i)] == 1);
    }
  }
};

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .weak_failures = 1, .time_limit_ms = 3'000},
          {.weak_failures = 1}};
}

/// Two push lists and single nodes, one takes: all come, in the order of each producer.
template <class P>
void two_producers(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    s->push(0, 1);
    s->push(2, 2);
  });
  x.thread([s] { s->push(3, 3); });
  x.thread([s] { s->take_until(0, 4); });
  x.run();
  s->check_taken_once({0, 1, 2, 3});
  MC_CHECK(s->tasks.looks_empty());
}

/// Two take what is there and what is being pushed.
template <class P>
void two_consumers(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->push(0, 1);
  x.thread([s] { s->push(3, 4); });
  for (int consumer = 0; consumer < 2; ++consumer) {
    x.thread([s, consumer] {
      s->take_some(consumer, 1);
      s->take_some(consumer, 2);
    });
  }
  x.run();
  s->take_until(0, 4 - s->count[1]);
  s->check_taken_once({0, 1, 3, 4});
}

/// Two nodes lie there and two take one each: whoever leaves one behind says so, and nobody calls the queue empty.
template <class P>
void nothing_is_hidden(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->push(0, 1);
  for (int consumer = 0; consumer < 2; ++consumer) x.thread([s, consumer] { s->take_some(consumer, 1); });
  x.run();
  const bool all = s->count[0] + s->count[1] == 2;
  MC_CHECK(s->status[0] != take_status::empty && s->status[1] != take_status::empty);
  MC_CHECK(all || s->more[0] || s->more[1]);
}

/// One arms while another pushes: the one sees the node or the other the flag.
template <class P>
void arm_against_push(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] { s->pushed = s->push(0, 0); });
  x.thread([s] { s->armed = s->tasks.arm(); });
  x.run();
  MC_CHECK(s->armed != (s->pushed == push_status::accepted_must_wake));
}

/// A flag that was set wakes for exactly one of two pushes.
template <class P>
void armed_once(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* announced = x.make<std::array<int, 2>>();
  s->tasks.arm();
  auto* results = x.make<std::array<push_status, 2>>();
  for (int i = 0; i < 2; ++i) {
    x.thread([=] {
      const auto at = static_cast<std::size_t>(i);
      node* const one = &s->at(3 * i);
      one->value.set(3 * i);
      (*results)[at] = s->tasks.push(one, one, false, [=] {
        ++(*announced)[at];
        return true;
      });
    });
  }
  x.run();
  int must_wake = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    const bool wakes = (*results)[i] == push_status::accepted_must_wake;
    MC_CHECK(!wakes || (*announced)[i] == 1);
    MC_CHECK((*announced)[i] <= 1);
    must_wake += wakes ? 1 : 0;
  }
  MC_CHECK(must_wake == 1);
}

/// The queue is closed while one pushes: what was accepted is found by whoever empties it afterwards.
template <class P>
void close_against_push(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] { s->pushed = s->push(0, 1); });
  x.thread([s] {
    s->tasks.close();
    while (!s->tasks.looks_empty()) {
      if (s->take_some(1, 4) != take_status::taken) P::yield();
    }
  });
  x.run();
  MC_CHECK(s->count[1] == (s->pushed == push_status::refused ? 0 : 2));
  MC_CHECK(s->push(3, 3) == push_status::refused);
  MC_CHECK(s->push(3, 3, true) == push_status::accepted);
}

/// A task is scheduled again, somewhere else, in the moment it is taken: the rest of its list is not lost.
template <class P>
void taken_and_pushed_again(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->push(0, 2);
  x.thread([s] {
    bool more = false;
    s->tasks.take(3, more, [&](node* one) {
      s->take(0, one);
      if (one == &s->at(0)) s->elsewhere.push(one, one, false);
    });
  });
  x.thread([s] { s->push(3, 3); });
  x.run();
  s->take_until(1, 4 - s->count[0]);
  s->check_taken_once({0, 1, 2, 3});
}

/// Whoever takes a node frees it, and the queue with the last one: a push touches neither after that.
template <class P>
void freed_by_the_taker(mc::execution& x) {
  using queue = treadle::detail::task_queue<P, node>;
  auto* tasks = mc::make<queue>();
  for (int i = 0; i < 2; ++i) {
    x.thread([tasks] {
      node* const one = mc::make<node>();
      one->value.set(1);
      tasks->push(one, one, false);
    });
  }
  x.thread([tasks] {
    int count = 0;
    while (count < 2) {
      bool more = false;
      const auto free_it = [&](node* one) {
        count += one->value.get();
        mc::destroy(one);
      };
      if (tasks->take(2, more, free_it) != take_status::taken) P::yield();
    }
    mc::destroy(tasks);
  });
  x.run();
}

/// Who finds the queue empty finds its taker at work.
template <class P>
void empty_shows_the_taker(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* at_work = x.make<mc::atomic<std::uint32_t>>(0U);
  s->push(0, 0);
  x.thread([=] {
    at_work->store(1, std::memory_order_relaxed);
    bool more = false;
    s->tasks.take(1, more, [](node*) {});
  });
  x.thread([=] {
    if (s->tasks.looks_empty()) MC_CHECK(at_work->load(std::memory_order_relaxed) == 1);
  });
  x.run();
}

/// A push, then a look whether somebody sleeps, against an announcement to sleep, a barrier, then a look at the queue.
template <class P>
void push_against_sleep(mc::execution& x) {
  auto* s = x.make<state<P>>();
  auto* asleep = x.make<mc::atomic<std::uint64_t>>(0U);
  auto* told = x.make<bool>(false);
  auto* found = x.make<bool>(false);
  x.thread([=] {
    s->push(0, 0);
    *told = asleep->load(std::memory_order_seq_cst) != 0;
  });
  x.thread([=] {
    asleep->fetch_add(1, std::memory_order_seq_cst);
    P::store_load_barrier(*asleep);
    *found = !s->tasks.looks_empty();
  });
  x.run();
  MC_CHECK(*told || *found);
}

/// One looks at what is queued while another takes, and a third pushes: what is shown is queued, in order, and whoever
/// takes after the look misses nothing.
template <class P>
void looked_at(mc::execution& x) {
  auto* s = x.make<state<P>>();
  s->push(0, 1);
  x.thread([s] {
    s->push(3, 3);
    s->take_some(1, 1);
  });
  x.thread([s] { s->take_some(0, 1); });
  x.thread([s] { s->look(); });
  x.run();
  s->take_until(0, 3 - s->count[1]);
  s->check_taken_once({0, 1, 3});
}

/// The first push to an empty queue, and a look.
template <class P>
void looked_at_first(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] { s->push(0, 1); });
  x.thread([s] { s->look(); });
  x.run();
  s->take_until(0, 2);
  s->check_taken_once({0, 1});
}

TREADLE_MODEL(task_queue_model, looked_at, settings_for(2, 1), looked_at<model_policy>)
TREADLE_MODEL(task_queue_model, looked_at_first, settings_for(mc::unlimited, 2), looked_at_first<model_policy>)
TREADLE_MODEL(task_queue_model, empty_shows_the_taker, settings_for(mc::unlimited, 2),
              empty_shows_the_taker<model_policy>)
TREADLE_MODEL(task_queue_model, push_against_sleep, settings_for(mc::unlimited, 2), push_against_sleep<model_policy>)
TREADLE_MODEL(task_queue_model, two_producers, settings_for(2, 1), two_producers<model_policy>)
TREADLE_MODEL(task_queue_model, two_consumers, settings_for(2, 1), two_consumers<model_policy>)
TREADLE_MODEL(task_queue_model, nothing_is_hidden, settings_for(3, 1), nothing_is_hidden<model_policy>)
TREADLE_MODEL(task_queue_model, arm_against_push, settings_for(mc::unlimited, 2), arm_against_push<model_policy>)
TREADLE_MODEL(task_queue_model, armed_once, settings_for(3, 2), armed_once<model_policy>)
TREADLE_MODEL(task_queue_model, close_against_push, settings_for(3, 2), close_against_push<model_policy>)
TREADLE_MODEL(task_queue_model, taken_and_pushed_again, settings_for(3, 1), taken_and_pushed_again<model_policy>)
TREADLE_MODEL(task_queue_model, freed_by_the_taker, settings_for(2, 1), freed_by_the_taker<model_policy>)

const bool faults_listed = model::list({4, "task_queue", taken_and_pushed_again<with_defect<104>>,
                                        taken_and_pushed_again<model_policy>, settings_for(2, 1).bounds}) &&
                           model::list({14, "task_queue", nothing_is_hidden<with_defect<14>>,
                                        nothing_is_hidden<model_policy>, settings_for(2, 1).bounds}) &&
                           model::list({20, "task_queue", nothing_is_hidden<with_defect<20>>,
                                        nothing_is_hidden<model_policy>, settings_for(2, 1).bounds});

}  // namespace
