// Models of arrivals.hpp: the last to arrive goes on, alone, and sees what all did before; then the count is full again.
#include "model_test.hpp"

#include <treadle/detail/arrivals.hpp>

#include <array>
#include <cstddef>

namespace {

using mc::model_policy;

template <class P, std::size_t Count>
struct meeting {
  treadle::detail::arrivals<P> place;
  std::array<mc::plain<int>, Count> done{};
  mc::plain<int> went_on{0};

  meeting() { place.arm(Count); }
  void come(std::size_t number) {
    done[number].set(done[number].get() + 1);
    if (!place.arrive()) return;
    for (auto& each : done) MC_CHECK(each.get() == went_on.get() + 1);
    went_on.set(went_on.get() + 1);
  }
};

model::settings settings_for(int stale_reads) {
  mc::options bounds;
  bounds.stale_reads = stale_reads;
  bounds.weak_failures = 1;
  bounds.time_limit_ms = 3'000;
  return {bounds, {}, 5'000};
}

template <class P>
void three_meet(mc::execution& x) {
  auto* m = x.make<meeting<P, 3>>();
  for (std::size_t i = 0; i < 3; ++i) {
    x.thread([m, i] { m->come(i); });
  }
  x.run();
  MC_CHECK(m->went_on.get() == 1);
}

/// The second round begins when the first is over, as in a loop: whoever went on lets the others come again.
template <class P>
void two_meet_twice(mc::execution& x) {
  auto* m = x.make<meeting<P, 2>>();
  auto* second = x.make<mc::atomic<unsigned>>(0U);
  for (std::size_t i = 0; i < 2; ++i) {
    x.thread([m, second, i] {
      m->done[i].set(m->done[i].get() + 1);
      if (m->place.arrive()) {
        m->went_on.set(1);
        second->store(1, std::memory_order_release);
      }
      while (second->load(std::memory_order_acquire) == 0) P::yield();
      m->come(i);
    });
  }
  x.run();
  MC_CHECK(m->went_on.get() == 2);
}

TREADLE_MODEL(arrivals_model, three_meet, settings_for(2), three_meet<model_policy>)
TREADLE_MODEL(arrivals_model, two_meet_twice, settings_for(2), two_meet_twice<model_policy>)

}  // namespace
