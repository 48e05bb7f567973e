// Models of strand_queue.hpp: each task runs once, in the order of its poster, no two at the same time, each sees what
// those before it did, no turn is lost, and the last owner frees it.
#include "model_test.hpp"

#include <treadle/detail/strand_queue.hpp>

#include <array>

namespace {

using mc::model_policy;

struct node {
  mc::atomic<node*> next{nullptr};
  mc::plain<int> payload{0};  ///< written by the poster
};

/// A strand with the least of a pool behind it: every turn is a thread of its own, as far as one can be had.
template <class P>
struct strand {
  static constexpr std::uint32_t turn = 1;

  explicit strand(unsigned refusals) : refusals_left(refusals) {}
  treadle::detail::strand_queue<P, node> queue;
  mc::plain<unsigned> state{0};  ///< touched by every task
  std::array<unsigned, 2> last{};
  unsigned refusals_left;
  unsigned ended_unrun = 0;
  unsigned* ran;

  static void let_go(strand* self) {
    if (!self->queue.drop_owner()) return;
    self->state.set(0);  // what the destructor writes must come after all that others have done
    mc::destroy(self);
  }
  static void post(strand* self, node& one, int payload) {
    one.payload.set(payload);
    const bool idle = self->queue.announce();
    self->queue.push(&one);
    if (!idle) return;
    self->queue.add_owner();
    mc::spawn([self] { run_turn(self); });
  }
  /// Payloads count up from 1 in steps of 2 for the one poster, from 2 for the other.
  void run(node* one) {
    const auto payload = static_cast<unsigned>(one->payload.get());
    MC_CHECK(last[payload % 2] < payload);
    last[payload % 2] = payload;
    state.set(state.get() + 1);
    ++*ran;
  }
  static void run_turn(strand* self) {
    for (;;) {
      std::uint32_t count = 0;
      for (; count < turn; ++count) {
        node* const next = self->queue.take();
        if (next == nullptr) break;
        self->run(next);
      }
      if (self->queue.end_turn(count)) break;
      if (self->refusals_left != 0 && mc::choose(2) != 0) {
        self->queue.sweep([self](node* one) { self->run(one); });
        break;
      }
      P::yield();  // behind the pool's other work
    }
    let_go(self);
  }
};

template <class P, int Each, unsigned Refusals>
void two_posters(mc::execution& x) {
  auto* const made = mc::make<strand<P>>(Refusals);
  auto* const nodes = x.make<std::array<node, std::size_t{2} * Each>>();
  auto* const ran = x.make<unsigned>(0U);
  auto* const users = x.make<mc::atomic<int>>(2);
  made->ran = ran;
  for (int poster = 0; poster < 2; ++poster) {
    x.thread([=] {
      for (int i = 0; i < Each; ++i) {
        const int number = 2 * i + poster;
        strand<P>::post(made, (*nodes)[static_cast<std::size_t>(number)], number + 1);
      }
      if (users->fetch_sub(1, std::memory_order_acq_rel) == 1) strand<P>::let_go(made);
    });
  }
  x.run();
  MC_CHECK(*ran == 2U * Each);
}

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .weak_failures = 1, .time_limit_ms = 1'500},
          {.weak_failures = 1},
          6'000};
}

TREADLE_MODEL(strand_queue_model, one_each, settings_for(3, 2), two_posters<model_policy, 1, 0>)
TREADLE_MODEL(strand_queue_model, two_each, settings_for(2, 1), two_posters<model_policy, 2, 0>)
TREADLE_MODEL(strand_queue_model, cancelled, settings_for(2, 1), two_posters<model_policy, 2, 1>)

}  // namespace
