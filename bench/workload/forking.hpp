#pragma once

#include "contender.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <type_traits>
#include <utility>

/// The rows that fork: one algorithm for all contenders in C++, written against a `Fork`. That is a small value which
/// is passed down: `here.fork(f, g)` calls `f(Fork)` and `g(Fork)`, perhaps side by side, and returns when both are
/// over, with a pair of their values if they have any. `Fork::loops` says that branches are called in turn anyway.
namespace bench {

/// What `f` returns on a `Fork`.
template <class F, class Fork>
using forked = std::invoke_result_t<F&, Fork>;

/// For runtimes whose branches return nothing: `run` calls the two that it is given, in whatever order.
template <class Fork, class F, class G, class Run>
auto fork_and_collect(Fork here, F& f, G& g, Run run) {
  if constexpr (std::is_void_v<forked<F, Fork>>) {
    run([&] { f(here); }, [&] { g(here); });
  } else {
    std::pair<forked<F, Fork>, forked<G, Fork>> values{};
    run([&] { values.first = f(here); }, [&] { values.second = g(here); });
    return values;
  }
}

inline constexpr auto one_by_one = [](auto first, auto second) {
  first();
  second();
};

/// No runtime, and all that the compiler makes of it.
struct serial_fork {
  static constexpr bool loops = true;

  template <class F>
  auto call(F&& f) const {
    return f(*this);
  }
  template <class F, class G>
  auto fork(F&& f, G&& g) const {
    return fork_and_collect(*this, f, g, one_by_one);
  }
};

/// No runtime either, but every branch is one call that the compiler cannot look through.
struct plain_fork {
  static constexpr bool loops = true;

  template <class F>
  [[gnu::noinline]] auto call(F&& f) const {
    asm volatile("" : : : "memory");
    return f(*this);
  }
  template <class F, class G>
  auto fork(F&& f, G&& g) const {
    const auto first = [&](plain_fork here) { return here.call(f); };
    const auto second = [&](plain_fork here) { return here.call(g); };
    return fork_and_collect(*this, first, second, one_by_one);
  }
};

/// The sum of `body(Fork, i)` over a range, which is forked in halves.
template <class Fork, class Body>
std::uint64_t sum_over(Fork here, std::uint64_t first, std::uint64_t last, const Body& body) {
  if constexpr (Fork::loops) {
    std::uint64_t sum = 0;
    for (; first != last; ++first) sum += here.call([&](Fork to) { return body(to, first); });
    return sum;
  } else {
    if (last - first == 1) return body(here, first);
    const std::uint64_t middle = first + (last - first) / 2;
    const auto [left, right] = here.fork([&](Fork to) { return sum_over(to, first, middle, body); },
                                         [&](Fork to) { return sum_over(to, middle, last, body); });
    return left + right;
  }
}

/// A `Work` is made from a request, is prepared before each run, runs on a `Fork`, and knows whether the result is
/// right. `units` is what its figures are divided by.
template <class Work>
void require_right(const Work& work) {
  if (work.right()) return;
  std::fprintf(stderr, "the result is wrong\n");
  std::exit(1);
}

/// What a `Work` or a `Pool` wants to say beside the time.
template <class Reporter>
void report_of(const Reporter& reporter, answer& given) {
  if constexpr (requires { reporter.report(given); }) reporter.report(given);
}

/// How often the threads of this process have left a processor so far.
inline double context_switches() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_nvcsw + used.ru_nivcsw);
}

/// Lets the stack of the main thread grow to as many bytes: some runtimes nest far deeper than the program they run.
inline void allow_main_stack(std::size_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_STACK, &limit);
  limit.rlim_cur = std::min<rlim_t>(bytes, limit.rlim_max);
  setrlimit(RLIMIT_STACK, &limit);
}

/// On a `Pool`, which is made from a number of workers, and whose `enter(f)` runs `f(Fork)` and waits for it.
template <class Pool, class Work>
void work_row(const request& asked, answer& given) {
  Pool& pool = *new Pool(asked.workers());
  Work work(asked);
  measure(
      asked, given, work.units(), [&] { work.prepare(); }, [&] { pool.enter([&](auto here) { work.run(here); }); });
  require_right(work);
  report_of(work, given);
  report_of(pool, given);
  given.add("switches", context_switches());
}

/// Without a pool. The form `limit` is what two processors can do at best: each a copy of the plain form, side by side.
template <class Work>
void bare_row(const request& asked, answer& given) {
  Work work(asked);
  const std::string form = asked.text("form", "plain");
  const auto prepare = [&] { work.prepare(); };
  if (form == "limit") {
    Work copy(asked);
    const auto prepare_both = [&] {
      work.prepare();
      copy.prepare();
    };
    measure(asked, given, 2 * work.units(), prepare_both, [&] {
      std::thread other([&] { copy.run(plain_fork{}); });
      work.run(plain_fork{});
      other.join();
    });
    require_right(copy);
  } else if (form == "serial") {
    measure(asked, given, work.units(), prepare, [&] { work.run(serial_fork{}); });
  } else {
    measure(asked, given, work.units(), prepare, [&] { work.run(plain_fork{}); });
  }
  require_right(work);
  report_of(work, given);
}

}  // namespace bench
