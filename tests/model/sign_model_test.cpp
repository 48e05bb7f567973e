// Models of sign.hpp: who reads a sign gets what was hung out together, or nothing, whoever has the sign by then.
#include "model_test.hpp"

#include <treadle/detail/sign.hpp>

#include <cstdint>

namespace {

using mc::model_policy;
using treadle::detail::sign_text;
using treadle::detail::wait_kind;

template <class P>
struct state {
  treadle::detail::sign<P> one;
  mc::atomic<std::uint32_t> handed_over{0};
  std::uint64_t read = 0;

  /// All that belongs together says the same number.
  void hang(std::uint64_t number) {
    one.name(reinterpret_cast<const void*>(number), number);
    one.hang(number == 1 ? wait_kind::mutex : wait_kind::event, number, static_cast<std::int64_t>(number));
  }
  void look() {
    const sign_text text = one.read();
    if (text.kind == wait_kind::nothing) return;
    const std::uint64_t number = text.kind == wait_kind::mutex ? 1 : 2;
    MC_CHECK(reinterpret_cast<std::uintptr_t>(text.pool) == number);
    MC_CHECK(text.site == number && text.detail == number);
    MC_CHECK(text.since_ns == static_cast<std::int64_t>(number));
    MC_CHECK(number >= read);  // never back
    read = number;
  }
};

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .time_limit_ms = 3'000}, {}};
}

/// One waits twice, another looks.
template <class P>
void read_while_it_changes(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    s->hang(1);
    s->one.take_down();
    s->hang(2);
  });
  x.thread([s] {
    s->look();
    s->look();
  });
  x.run();
  s->look();
  MC_CHECK(s->read == 2);
  s->one.take_down();
  MC_CHECK(s->one.read().kind == wait_kind::nothing);
}

/// The sign goes from one owner to the next, on another thread.
template <class P>
void read_while_it_changes_hands(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    s->hang(1);
    s->one.take_down();
    s->handed_over.store(1, std::memory_order_release);
  });
  x.thread([s] {
    while (s->handed_over.load(std::memory_order_acquire) == 0) P::yield();
    s->hang(2);
  });
  x.thread([s] { s->look(); });
  x.run();
}

TREADLE_MODEL(sign_model, read_while_it_changes, settings_for(3, 3), read_while_it_changes<model_policy>)
TREADLE_MODEL(sign_model, read_while_it_changes_hands, settings_for(2, 3), read_while_it_changes_hands<model_policy>)

}  // namespace
