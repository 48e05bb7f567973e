// Models of meeting.hpp: whoever of the two comes second goes on with the wait, sees all that the first did, and is alone.
#include "model_test.hpp"

#include <treadle/detail/meeting.hpp>

#include <cstdint>

namespace {

using mc::model_policy;

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .time_limit_ms = 1'000}, {}, 3'000};
}

template <class P>
struct call {
  treadle::detail::meeting<P> met;
  mc::plain<int> asleep{0}, result{0};
};

/// Whoever goes on frees it at once: the other has touched it for the last time.
template <class P>
void second_goes_on(mc::execution& x) {
  auto* c = mc::make<call<P>>();
  auto* went_on = x.make<mc::atomic<std::uint32_t>>(0U);
  const auto go_on = [c, went_on] {
    MC_CHECK(c->asleep.get() == 1);
    MC_CHECK(c->result.get() == 7);
    mc::destroy(c);
    went_on->fetch_add(1, std::memory_order_relaxed);
  };
  x.thread([c, go_on] {
    c->asleep.set(1);
    if (!c->met.wait()) go_on();
  });
  x.thread([c, go_on] {
    c->result.set(7);
    if (c->met.end()) go_on();
  });
  x.run();
  MC_CHECK(went_on->peek() == 1);
}

TREADLE_MODEL(meeting_model, second_goes_on, settings_for(3, 3), second_goes_on<model_policy>)

}  // namespace
