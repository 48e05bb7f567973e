#include "scenarios.hpp"

#include "witness.hpp"

#if defined(TREADLE_FAULTS)

#include <array>
#include <chrono>
#include <optional>
#include <system_error>

namespace treadle::test {
namespace {

using namespace std::chrono_literals;
using program::eventually;

struct counted : task {
  counted() noexcept : task([](task* self) noexcept { static_cast<counted*>(self)->runs.fetch_add(1); }) {}
  std::atomic<int> runs{0};
  bool accepted = false;
};

/// The one error that a lack of anything may lead to; a thread that is refused leads to none.
bool names_the_cause(const std::error_code& error) {
  const injector::exemption own;
  return error == make_error_code(errc::out_of_memory) && error == std::errc::not_enough_memory &&
         !error.message().empty();
}

bool schedule(thread_pool& pool, counted& work) {
  const std::error_code error = pool.schedule(work);
  CHECK(!error || names_the_cause(error));
  return work.accepted = !error;
}

/// Posts through `queue`, a pool or a strand. Returns whether it was taken.
template <class Queue, class F>
bool post(Queue& queue, F&& f) {
  try {
    const std::error_code error = queue.post(std::forward<F>(f));
    CHECK(!error || names_the_cause(error));
    return !error;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

template <class F>
std::optional<future<int>> submit(thread_pool& pool, F&& f) {
  try {
    return pool.submit(std::forward<F>(f));
  } catch (const std::bad_alloc&) {
  } catch (const std::system_error& refused) {
    CHECK(names_the_cause(refused.code()));
  }
  return std::nullopt;
}

template <std::size_t N>
void check_runs(const std::array<counted, N>& tasks) {
  for (const counted& each : tasks) CHECK(each.runs == (each.accepted ? 1 : 0));
}

// ---- the scenarios -------------------------------------------------------------------------------------------------

/// A start that failed for want of memory can be tried again.
void start() {
  thread_pool pool(with_threads(2));
  std::error_code error = pool.start();
  CHECK(!error || names_the_cause(error));
  injector::disarm();
  CHECK_OK(pool.start());
  CHECK(pool.run([] { return 1; }) == 1);
}

void schedule_tasks() {
  std::array<counted, 12> tasks;
  std::array<counted, 8> grouped;
  thread_pool pool(with_threads(3));
  for (counted& each : tasks) schedule(pool, each);
  batch group;
  for (counted& each : grouped) group.push(each);
  const std::error_code error = pool.schedule(group);
  CHECK(!error || names_the_cause(error));
  CHECK(group.size() == (error ? grouped.size() : 0));
  for (counted& each : grouped) each.accepted = !error;
  CHECK_OK(pool.drain());
  check_runs(tasks);
  check_runs(grouped);
}

/// A callable that was not taken is destroyed where the caller holds it, and called by nobody.
void post_callables() {
  std::atomic<int> calls{0};
  int taken = 0;
  {
    thread_pool pool(with_threads(2));
    for (int i = 0; i < 8; ++i) taken += post(pool, [&calls] { ++calls; }) ? 1 : 0;
    CHECK_OK(pool.drain());
    CHECK(calls == taken);
    // From inside, where a refused thread must not be missed.
    std::atomic<int> inner{0};
    if (post(pool, [&] {
          for (int i = 0; i < 4; ++i) inner += post(pool, [&calls] { ++calls; }) ? 1 : 0;
        })) {
      CHECK_OK(pool.drain());
    }
    taken += inner;
  }
  CHECK(calls == taken);
}

void submit_and_get() {
  thread_pool pool(with_threads(2));
  std::array<std::optional<future<int>>, 6> results;
  for (int i = 0; i < 6; ++i) results[static_cast<std::size_t>(i)] = submit(pool, [i] { return i; });
  for (int i = 0; i < 6; ++i) {
    auto& result = results[static_cast<std::size_t>(i)];
    CHECK(!result || result->get() == i);
  }
  auto throwing = submit(pool, []() -> int { throw 7; });
  try {
    CHECK(!throwing || throwing->get() == 0);
  } catch (int thrown) {
    CHECK(thrown == 7);
  }
  auto unwaited = submit(pool, [] { return 0; });
  CHECK(!unwaited || unwaited->wait_for(0ns) == future_status::timeout || unwaited->is_ready());
}

void run_in_turn() {
  thread_pool pool(with_threads(2));
  for (int i = 0; i < 4; ++i) {
    try {
      CHECK(pool.run([&] { return pool.run([i] { return i; }); }) == i);
    } catch (const std::bad_alloc&) {
    } catch (const std::system_error& refused) {
      CHECK(names_the_cause(refused.code()));
    }
  }
}

int descend(thread_pool& pool, int depth) {
  if (depth == 0) return 0;
  auto left = submit(pool, [&, depth] { return descend(pool, depth - 1); });
  auto right = submit(pool, [&, depth] { return descend(pool, depth - 1); });
  return 1 + (left ? left->get() : 0) + (right ? right->get() : 0);
}

void nested_waits() {
  thread_pool pool(with_threads(2));
  auto top = submit(pool, [&] { return descend(pool, 4); });
  const int nodes = top ? top->get() : 0;
  CHECK(nodes >= 0 && nodes <= 15);
  CHECK_OK(pool.drain());
}

/// No spare may ever come: then what is queued waits until the worker is back.
void blocking_with_spares() {
  std::array<counted, 6> tasks;
  thread_pool pool(with_threads(1));
  std::atomic<int> before{0};
  post(pool, [&] {
    blocking([&] {
      for (int i = 0; i < 20 && before == 0; ++i) std::this_thread::sleep_for(100us);
    });
  });
  for (counted& each : tasks) schedule(pool, each);
  post(pool, [&] { before = 1; });
  CHECK_OK(pool.drain());
  check_runs(tasks);
}

void strand_in_order() {
  thread_pool pool(with_threads(2));
  std::optional<strand> queue;
  try {
    queue.emplace(pool);
  } catch (const std::bad_alloc&) {
    return;
  }
  int last = -1, ran = 0, taken = 0;  // only the strand touches the first two
  for (int i = 0; i < 8; ++i) {
    taken += post(*queue,
                  [&, i] {
                    CHECK(last < i);
                    last = i;
                    ++ran;
                  })
                 ? 1
                 : 0;
  }
  CHECK_OK(pool.drain());
  CHECK(ran == taken);
}

void drain_again_and_again() {
  std::array<counted, 9> tasks;
  thread_pool pool(with_threads(2));
  CHECK_OK(pool.drain());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    schedule(pool, tasks[i]);
    if (i % 3 == 2) CHECK_OK(pool.drain());
    if (i % 3 == 2) check_runs(tasks);
  }
}

void shutdown_by_drain() {
  std::array<counted, 10> tasks;
  thread_pool pool(with_threads(2));
  std::uint64_t accepted = 0;
  for (counted& each : tasks) accepted += schedule(pool, each) ? 1u : 0u;
  const shutdown_report report = pool.shutdown();
  CHECK_OK(report.error);
  CHECK(report.ran == accepted);
  CHECK(report.not_run.empty() && report.cancelled + report.still_running == 0);
  check_runs(tasks);
  CHECK_OK(pool.join());
}

void shutdown_by_cancel() {
  std::array<counted, 10> tasks;
  thread_pool pool(with_threads(2));
  std::uint64_t accepted = 0;
  for (counted& each : tasks) accepted += schedule(pool, each) ? 1u : 0u;
  std::atomic<std::uint64_t> calls{0};
  for (int i = 0; i < 4; ++i) accepted += post(pool, [&calls] { ++calls; }) ? 1u : 0u;
  auto result = submit(pool, [] { return 3; });
  accepted += result ? 1u : 0u;
  shutdown_report report = pool.shutdown(shutdown_mode::cancel);
  CHECK_OK(pool.join());
  const std::uint64_t given_back = report.not_run.size();
  CHECK(pool.shutdown().ran + report.cancelled + given_back == accepted);
  while (task* const back = report.not_run.pop()) {
    auto* const returned = static_cast<counted*>(back);
    CHECK(returned->accepted && returned->runs == 0);
    returned->accepted = false;
  }
  check_runs(tasks);
  try {
    CHECK(!result || result->get() == 3);
  } catch (const std::system_error& lost) {
    CHECK(lost.code() == make_error_code(errc::cancelled));
  } catch (const std::bad_alloc&) {  // there was no memory to say it in
  }
}

void shutdown_with_deadline() {
  std::array<counted, 5> tasks;
  thread_pool pool(with_threads(2));
  for (counted& each : tasks) schedule(pool, each);
  shutdown_report report = pool.shutdown_for(20s);
  CHECK_OK(report.error);
  CHECK(report.not_run.empty());
  check_runs(tasks);
}

void retire_and_come_back() {
  std::array<counted, 8> tasks;
  pool_config config = with_threads(2);
  config.retire_after = 30us;
  thread_pool pool(config);
  for (counted& each : tasks) {
    schedule(pool, each);
    std::this_thread::sleep_for(150us);
  }
  CHECK_OK(pool.drain());
  check_runs(tasks);
}

void join_at_once() {
  std::array<counted, 4> tasks;
  thread_pool pool(with_threads(2));
  for (counted& each : tasks) schedule(pool, each);
  CHECK_OK(pool.join());
  CHECK_OK(pool.join());
  check_runs(tasks);
  CHECK(pool.stats().threads == 0);
}

void destroy_unused() {
  thread_pool never_started(with_threads(2));
  thread_pool started(with_threads(2));
  const std::error_code error = started.start();
  CHECK(!error || names_the_cause(error));
}

void fork_watched() {
  counted early, late;
  thread_pool pool(with_threads(2));
  const bool started = schedule(pool, early);
  CHECK_OK(pool.drain());
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    alarm(20);
    const std::error_code refused = pool.schedule(late);
    if (started) CHECK(refused == make_error_code(errc::inherited_by_fork));
    thread_pool fresh(with_threads(1));
    injector::disarm();
    CHECK(fresh.run([] { return 2; }) == 2);
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) CHECK(errno == EINTR);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  schedule(pool, late);
  CHECK_OK(pool.drain());
}

void shared_default_pool() {
  counted one;
  schedule(default_pool(), one);
  CHECK_OK(default_pool().drain());
  CHECK(one.runs == (one.accepted ? 1 : 0));
  auto result = submit(default_pool(), [] { return 4; });
  CHECK(!result || result->get() == 4);
  CHECK(!default_pool().shutdown(shutdown_mode::cancel).error);
  CHECK_OK(default_pool().join());
}

/// Everything that is read of the machine may be out of reach: the width is then a guess, but a pool works with it.
void width_and_pins() {
  CHECK(available_parallelism() >= 1);
  pool_config config = with_threads(0);
  config.pin = pin_policy::compact();
  config.stack_bytes = 1'000'000;
  counted one;
  thread_pool pool(config);
  if (schedule(pool, one)) CHECK(pool.worker_limit() >= 1);
  CHECK_OK(pool.drain());
  CHECK(one.runs == (one.accepted ? 1 : 0));
}

void bounded_queue() {
  std::array<counted, 6> tasks;
  pool_config config = with_threads(1);
  config.max_queued = 3;
  thread_pool pool(config);
  for (counted& each : tasks) {
    const std::error_code error = pool.schedule(each);
    each.accepted = !error;
    CHECK(!error || error == make_error_code(errc::queue_full) || names_the_cause(error));
  }
  CHECK_OK(pool.drain());
  check_runs(tasks);
  injector::disarm();
  CHECK_OK(pool.post([] {}));  // no reservation was lost
  CHECK_OK(pool.drain());
}

/// Two pools whose tasks go on in the other one, with waits across.
void two_pools() {
  thread_pool first(with_threads(1)), second(with_threads(1));
  auto result = submit(first, [&] {
    auto inner = submit(second, [&] {
      auto innermost = submit(first, [] { return 1; });
      return 1 + (innermost ? innermost->get() : 0);
    });
    return 1 + (inner ? inner->get() : 0);
  });
  const int got = result ? result->get() : 0;
  CHECK(got >= 0 && got <= 3);
  CHECK_OK(first.drain());
  CHECK_OK(second.drain());
}

}  // namespace

const std::vector<fault_scenario>& fault_scenarios() {
  static const std::vector<fault_scenario> all{
      {"start", &start},
      {"schedule", &schedule_tasks},
      {"post", &post_callables},
      {"submit", &submit_and_get},
      {"run", &run_in_turn},
      {"nested_waits", &nested_waits},
      {"blocking", &blocking_with_spares},
      {"strand", &strand_in_order},
      {"drain", &drain_again_and_again},
      {"shutdown", &shutdown_by_drain},
      {"cancel", &shutdown_by_cancel},
      {"deadline", &shutdown_with_deadline},
      {"retire", &retire_and_come_back},
      {"join", &join_at_once},
      {"unused", &destroy_unused},
      {"fork_watch", &fork_watched},
      {"default_pool", &shared_default_pool, false},  // it lives to the end of the process
      {"width_and_pins", &width_and_pins},
      {"bounded_queue", &bounded_queue},
      {"two_pools", &two_pools},
  };
  return all;
}

}  // namespace treadle::test

#endif
