// Models of under_way.hpp, with a kernel between that orders nothing: who takes an answer sees the operation, and who
// has closed the count and finds it empty has missed none.
#include "model_test.hpp"

#include <treadle/detail/under_way.hpp>

#include <cstddef>
#include <cstdint>

namespace {

using mc::model_policy;

model::settings settings_for(int preemptions, int stale_reads) {
  return {{.preemptions = preemptions, .stale_reads = stale_reads, .time_limit_ms = 1'000}, {}, 3'000};
}

template <class P, std::size_t Operations>
struct kernel {
  treadle::detail::under_way<P> count;
  mc::plain<int> asked[Operations]{}, answered[Operations]{};
  mc::atomic<std::uint32_t> has[Operations]{};  ///< 1: the kernel has an answer; 2: there will be none

  void begin(std::size_t which) {
    asked[which].set(1);
    const bool begun = count.begin(2);
    has[which].store(begun ? 1 : 2, std::memory_order_relaxed);
  }
  void take(std::size_t which) {
    while (has[which].load(std::memory_order_relaxed) == 0) P::pause();
    if (has[which].load(std::memory_order_relaxed) == 2) return;
    count.see_begun();
    MC_CHECK(asked[which].get() == 1);
    answered[which].set(7);
    count.end(1);
  }
  void close() {
    count.close();
    while (!count.is_none()) P::pause();
  }
};

template <class P>
void taken_by_another(mc::execution& x) {
  auto* k = x.make<kernel<P, 2>>();
  x.thread([k] {
    k->begin(0);
    k->begin(1);
  });
  x.thread([k] { k->take(0); });
  x.thread([k] { k->take(1); });
  x.run();
  MC_CHECK(k->count.is_none());
}

template <class P>
void closed_meanwhile(mc::execution& x) {
  auto* k = x.make<kernel<P, 1>>();
  x.thread([k] { k->begin(0); });
  x.thread([k] { k->take(0); });
  x.thread([k] {
    k->close();
    const bool begins = k->count.begin(2);
    MC_CHECK(!begins);
    // Begun before it was closed, so over by now; or never begun.
    if (k->has[0].load(std::memory_order_relaxed) == 1) MC_CHECK(k->answered[0].get() == 7);
  });
  x.run();
}

/// Two begin where there is room for one: never both do, for the first one stays.
template <class P>
void no_more_than_there_is_room(mc::execution& x) {
  auto* count = x.make<treadle::detail::under_way<P>>();
  auto* begun = x.make<mc::atomic<std::uint32_t>>(0U);
  for (int i = 0; i < 2; ++i) {
    x.thread([count, begun] {
      if (count->begin(1)) begun->fetch_add(1, std::memory_order_relaxed);
    });
  }
  x.run();
  MC_CHECK(begun->peek() <= 1);
  count->end(begun->peek());
  MC_CHECK(count->is_none());
}

TREADLE_MODEL(under_way_model, no_more_than_there_is_room, settings_for(3, 2), no_more_than_there_is_room<model_policy>)
TREADLE_MODEL(under_way_model, taken_by_another, settings_for(2, 2), taken_by_another<model_policy>)
TREADLE_MODEL(under_way_model, closed_meanwhile, settings_for(2, 2), closed_meanwhile<model_policy>)

}  // namespace
