#pragma once

#include "site.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace mc {

inline constexpr int unlimited = -1;

enum class explorer {
  random,      ///< a random walk, another one each time
  pct,         ///< random priorities with a few change points: finds a bug of depth d with a probability that is known
  exhaustive,  ///< all executions within the bounds, depth first
};

enum class failure {
  none,
  check,     ///< a MC_CHECK, or an invariant of the kernel
  race,      ///< accesses to a plain cell (or to the life of an atomic) that nothing orders
  lifetime,  ///< freed, not made yet, or freed twice
  leak,      ///< made and never destroyed
  deadlock,  ///< all threads sleep
  livelock,  ///< the execution goes on and on
  model,     ///< the model itself: too many threads or atomics, not the same when run again
};

/// One order of one operation of the code under test, weakened by one step; or a light or heavy barrier left out.
struct mutant {
  std::string path;
  unsigned line = 0;
  std::string function;
  bool on_failure = false;  ///< the second order of a compare-exchange
  std::memory_order from = std::memory_order_relaxed;
  std::memory_order to = std::memory_order_relaxed;
};

/// Returns the name of an order, as traces and lists show it.
const char* name_of_order(std::memory_order order) noexcept;

struct options {
  explorer mode = explorer::exhaustive;
  std::uint64_t executions = 0;   ///< how many at most; 0: no limit (random modes: 10,000)
  int preemptions = unlimited;    ///< switches away from a thread that could go on, for one execution
  int stale_reads = unlimited;    ///< loads that do not return the newest value, for one execution
  int weak_failures = 0;          ///< compare_exchange_weak that fail for no reason, for one execution
  int spurious_wakes = 0;         ///< futex waits that return for no reason, for one execution
  int time_outs = 0;              ///< futex waits with a deadline that pass it at once, for one execution
  bool refused_barriers = false;  ///< whether heavy barriers may cease to be had
  int unfair_turns = 1;           ///< turns of a thread that has yielded before the others went on
  int stale_after_yield = 2;      ///< stale reads of a thread that has yielded: what it waits for comes at last
  int change_points = 3;          ///< of pct
  std::uint64_t seed = 1;
  std::uint64_t time_limit_ms = 0;   ///< 0: none
  std::uint64_t max_steps = 20'000;  ///< of one execution: beyond it is a livelock
  bool reduce = true;                ///< leave out executions equal to others (only without a bound on preemptions)
  bool shrink = true;
  bool collect_orders = false;  ///< fill result::orders
  std::string replay = {};      ///< result::choices of a failure: runs that one execution
  const mutant* weaken = nullptr;
};

struct result {
  bool failed = false;
  bool complete = false;  ///< exhaustive: nothing within the bounds is left
  failure kind = failure::none;
  std::string message;
  std::string trace;    ///< of a failure, readable
  std::string choices;  ///< of a failure, for options::replay
  std::uint64_t executions = 0;
  std::uint64_t cut_short = 0;  ///< of these, given up as equal to an earlier one
  std::uint64_t longest = 0;    ///< steps of the longest execution
  double milliseconds = 0;
  std::vector<mutant> orders;  ///< every weakening that the operations seen allow
};

}  // namespace mc
