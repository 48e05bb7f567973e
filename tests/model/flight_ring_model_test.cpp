// Models of flight_ring.hpp: what a reader is given was written as one entry, and in order, however often the ring has
// gone round meanwhile.
#include "model_test.hpp"

#include <treadle/detail/flight_ring.hpp>

#include <array>
#include <cstdint>

namespace {

using mc::model_policy;

template <class P>
struct state {
  using ring = treadle::detail::flight_ring<P>;

  static constexpr std::uint64_t capacity = 2;
  std::array<typename ring::entry, capacity> entries;
  ring kept;
  mc::atomic<std::uint32_t> handed_over{0};
  mc::atomic<std::uint32_t> told{0};

  state() { kept.adopt(entries.data(), capacity); }

  void write(std::uint64_t number) { kept.write(number + 100, number + 200); }
  /// Returns how many entries it was given, and in `last` the newest.
  int read(std::uint64_t& last) {
    int count = 0;
    kept.read([&](std::uint64_t number, std::uint64_t what, std::uint64_t detail) {
      MC_CHECK(what == number + 100 && detail == number + 200);
      MC_CHECK(count == 0 || number == last + 1);
      last = number;
      ++count;
    });
    return count;
  }
};

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .time_limit_ms = 3'000}, {}};
}

/// The ring goes round while somebody reads.
template <class P>
void read_while_it_goes_round(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    for (std::uint64_t number = 0; number < 4; ++number) s->write(number);
  });
  x.thread([s] {
    std::uint64_t last = 0;
    static_cast<void>(s->read(last));
  });
  x.run();
  std::uint64_t last = 0;
  MC_CHECK(s->read(last) == 1 && last == 3);
}

/// Who is told of an entry finds it: the newest is never left out.
template <class P>
void read_what_was_told_of(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    s->write(0);
    s->told.store(1, std::memory_order_release);
  });
  x.thread([s] {
    if (s->told.load(std::memory_order_acquire) == 0) return;
    std::uint64_t last = 1;
    MC_CHECK(s->read(last) == 1 && last == 0);
  });
  x.run();
}

/// The next thread on a worker's record writes on where the last one ended.
template <class P>
void read_while_it_changes_hands(mc::execution& x) {
  auto* s = x.make<state<P>>();
  x.thread([s] {
    s->write(0);
    s->write(1);
    s->handed_over.store(1, std::memory_order_release);
  });
  x.thread([s] {
    while (s->handed_over.load(std::memory_order_acquire) == 0) P::yield();
    s->write(2);
  });
  x.thread([s] {
    std::uint64_t last = 0;
    static_cast<void>(s->read(last));
  });
  x.run();
}

TREADLE_MODEL(flight_ring_model, read_while_it_goes_round, settings_for(3, 3), read_while_it_goes_round<model_policy>)
TREADLE_MODEL(flight_ring_model, read_what_was_told_of, settings_for(3, 3), read_what_was_told_of<model_policy>)
TREADLE_MODEL(flight_ring_model, read_while_it_changes_hands, settings_for(2, 3),
              read_while_it_changes_hands<model_policy>)

}  // namespace
