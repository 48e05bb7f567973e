#include "pool_run.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <thread>

namespace treadle::test::grammar {

using namespace std::chrono_literals;

namespace {

constexpr auto longest_wait = 60s;

bool is_fork(step how) { return how == step::forked || how == step::forked_throwing; }

}  // namespace

pool_config pool_run::config_of(const program& meant, std::uint32_t workers) {
  pool_config made;
  made.max_threads = workers;
  if (!meant.spins) made.spin_ns = -1;
  if (meant.retires) made.retire_after = 20us;
  return made;
}

pool_run::pool_run(const program& meant, std::uint32_t workers) : meant_(meant), cells_(meant.nodes.size()) {
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    cells_[i].owner = this;
    cells_[i].index = i;
    cells_[i].callback = [](task* called) noexcept {
      auto* const self = static_cast<cell*>(called);
      self->owner->visit(self->index, *self->home);
    };
  }
  for (std::uint32_t i = 0; i < meant.pools; ++i) {
    pools_.push_back(std::make_unique<thread_pool>(config_of(meant, i == 0 ? workers : 1 + workers / (2 * i + 1))));
  }
  first_pool_ = pools_[0].get();
  if (meant.end == ending::destroyed_at_once) return;
  for (const auto& pool : pools_) strands_.emplace_back(*pool);
}

pool_run::~pool_run() {
  strands_.clear();
  pools_.clear();
}

std::string pool_run::run() {
  may_refuse_ = meant_.end == ending::cancelled_midway;
  note_progress();
  futures later;
  start_all(meant_.first_root, *pools_[0], later);
  if (meant_.end == ending::destroyed_at_once) later.clear();  // a future needs its pool
  end();
  for (auto& [index, result] : later) wait(index, std::move(result));
  compare();
  return faults_;
}

// ---- a node ------------------------------------------------------------------------------------------------------

std::uint64_t pool_run::visit(std::uint32_t index, thread_pool& home) {
  cell& self = cells_[index];
  if (self.visits.fetch_add(1, std::memory_order_relaxed) != 0) fault("ran twice: node " + std::to_string(index));
  const thread_pool* const here = this_worker::pool();
  if (here != nullptr && here != &home) fault("ran on another pool than its own: node " + std::to_string(index));
  futures later;
  start_all(at(index).first_child, home, later);
  for (auto& [child, result] : later) wait(child, std::move(result));
  std::uint64_t value = at(index).seed;
  for (std::uint32_t child = at(index).first_child; child != node::none; child = at(child).next_sibling) {
    if (is_awaited(at(child).how)) value = mix(value, cells_[child].result);
  }
  self.result = value;
  note_progress();
  visited_.fetch_add(1, std::memory_order_release);
  return value;
}

void pool_run::start_all(std::uint32_t first, thread_pool& home, futures& later) {
  for (std::uint32_t child = first; child != node::none;) {
    if (at(child).how == step::batched) {
      child = start_batch(child, home);
      continue;
    }
    if (is_fork(at(child).how) && at(child).parent != node::none) {
      child = start_forks(child, home);
      continue;
    }
    const std::uint32_t next = at(child).next_sibling;
    start(child, home, later);
    child = next;
  }
}

void pool_run::start(std::uint32_t index, thread_pool& home, futures& later) {
  switch (at(index).how) {
    case step::submit_and_wait:
      return wait(index, submit(index, home));
    case step::submit_then_wait:
      later.emplace_back(index, submit(index, home));
      return;
    case step::forgotten_future:
      static_cast<void>(submit(index, home));
      return;
    case step::throwing:
      return wait_for_exception(index, home);
    case step::blocking_call:
      if (at(index).parent == node::none) return start_queued(index, home);
      blocking([&] { visit(index, home); });
      return;
    case step::across_and_wait:
      return wait(index, submit(index, other_than(home)));
    case step::run_across: {
      thread_pool& other = other_than(home);
      other.run([&] { visit(index, other); });
      return;
    }
    case step::own_pool:
      return run_on_own_pool(index);
    case step::cancelled_pool:
      cancel_a_pool(at(index).seed);
      if (at(index).parent == node::none) return start_queued(index, home);
      visit(index, home);
      return;
    case step::after_skipping:
      if (at(index).parent == node::none) return start_queued(index, home);
      skip_forks(at(index).seed);
      visit(index, home);
      return;
    default:
      return start_queued(index, home);
  }
}

void pool_run::start_queued(std::uint32_t index, thread_pool& home) {
  switch (at(index).how) {
    case step::schedule: {
      cell& made = prepare(index, home);
      made.accepted = true;  // before it can be given back
      const std::error_code error = home.schedule(made);
      note(home, error);
      return;
    }
    case step::on_strand:
      return start_on_strand(index, home);
    case step::across: {
      thread_pool& other = other_than(home);
      return note(other, other.post([this, index, &other] { visit(index, other); }));
    }
    default:
      return note(home, home.post([this, index, &home] { visit(index, home); }));
  }
}

std::uint32_t pool_run::start_batch(std::uint32_t first, thread_pool& home) {
  batch group;
  std::uint32_t next = first;
  for (; next != node::none && at(next).how == step::batched; next = at(next).next_sibling) {
    cell& made = prepare(next, home);
    made.accepted = true;
    group.push(made);
  }
  const std::size_t size = group.size();
  const std::error_code error = home.schedule(group);
  if (group.size() != (error ? size : 0)) fault("a batch was neither taken nor left whole");
  for (std::size_t i = 0; i < size; ++i) note(home, error);
  return next;
}

/// A strand runs what one node posts in the order of its children, and nothing at the same time.
void pool_run::start_on_strand(std::uint32_t index, thread_pool& home) {
  std::size_t number = 0;
  while (pools_[number].get() != &home) ++number;
  guarded_strand& chosen = strands_[number];
  note(home, chosen.runner.post([this, index, &home, &chosen] {
    if (chosen.inside.exchange(true, std::memory_order_relaxed)) fault("two tasks of a strand ran at once");
    if (at(index).parent != node::none) {
      std::uint32_t& last = cells_[at(index).parent].last_on_strand;
      if (last >= index) fault("a strand left its order");
      last = index;
    }
    visit(index, home);
    chosen.inside.store(false, std::memory_order_relaxed);
  }));
}

pool_run::result_future pool_run::submit(std::uint32_t index, thread_pool& home) {
  try {
    result_future made = home.submit([this, index, &home] { return visit(index, home); });
    note(home, {});
    return made;
  } catch (const std::system_error& refused) {
    note(home, refused.code());
    return {};
  }
}

void pool_run::wait(std::uint32_t index, result_future result) {
  if (!result.valid()) return;
  try {
    const std::uint64_t got = result.get();
    if (got != cells_[index].result) fault("a future gave another node's result");
  } catch (const std::system_error& lost) {
    if (!may_refuse_ || lost.code() != errc::cancelled) fault(lost.what());
  }
}

void pool_run::wait_for_exception(std::uint32_t index, thread_pool& home) {
  future<void> result;
  try {
    result = home.submit([this, index, &home] { throw visit(index, home); });
    note(home, {});
    result.get();
    fault("an exception was lost");
  } catch (std::uint64_t thrown) {
    if (thrown != cells_[index].result) fault("a future threw what another node did");
  } catch (const std::system_error& error) {
    if (!may_refuse_) fault(error.what());
    if (error.code() != errc::cancelled) note(home, error.code());
  }
}

void pool_run::run_on_own_pool(std::uint32_t index) {
  blocking([&] {
    const std::uint64_t seed = at(index).seed;
    thread_pool own(config_of(meant_, 1 + static_cast<std::uint32_t>(seed % 2)));
    if (const std::error_code error = own.schedule(prepare(index, own))) fault(error.message());
    std::error_code error;
    switch (seed / 2 % 4) {
      case 0:
        error = own.drain();
        break;
      case 1:
        error = own.join();
        break;
      case 2:
        error = own.shutdown().error;
        break;
      default:
        break;
    }
    if (error) fault(error.message());
  });
}

/// Every task of a pool that is cancelled has run, is given back or is ended, and each just once.
void pool_run::cancel_a_pool(std::uint64_t seed) {
  struct counted : task {
    counted() noexcept : task([](task* self) noexcept { static_cast<counted*>(self)->runs.fetch_add(1); }) {}
    std::atomic<std::uint32_t> runs{0};
    std::uint32_t given_back = 0;
  };
  std::array<counted, 6> tasks;
  std::atomic<std::uint32_t> called{0};
  std::array<future<void>, 3> results;
  const std::size_t scheduled = seed % (tasks.size() + 1), submitted = seed / 8 % (results.size() + 1);
  thread_pool own(config_of(meant_, 1 + static_cast<std::uint32_t>(seed / 64 % 3)));
  for (std::size_t i = 0; i < scheduled; ++i) {
    if (own.schedule(tasks[i])) fault("a new pool refused a task");
  }
  for (std::size_t i = 0; i < submitted; ++i) results[i] = own.submit([&called] { called.fetch_add(1); });
  shutdown_report report = own.shutdown(shutdown_mode::cancel);
  blocking([&] {
    if (own.join()) fault("join refused");
  });
  const std::uint64_t given_back = report.not_run.size();
  while (task* const back = report.not_run.pop()) ++static_cast<counted*>(back)->given_back;
  for (std::size_t i = 0; i < scheduled; ++i) {
    if (tasks[i].runs + tasks[i].given_back != 1) fault("a cancelled pool lost a task, or ran it twice");
  }
  for (std::size_t i = 0; i < submitted; ++i) {
    if (!results[i].is_ready()) fault("a future outlived its pool unready");
  }
  if (own.shutdown().ran + report.cancelled + given_back != scheduled + submitted) {
    fault("the report of a cancelled pool does not add up");
  }
}

pool_run::cell& pool_run::prepare(std::uint32_t index, thread_pool& home) {
  cells_[index].home = &home;
  return cells_[index];
}

thread_pool& pool_run::other_than(const thread_pool& home) {
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    if (pools_[i].get() == &home) return *pools_[(i + 1) % pools_.size()];
  }
  return *pools_[0];
}

// ---- the end -----------------------------------------------------------------------------------------------------

void pool_run::end() {
  switch (meant_.end) {
    case ending::shut_down_at_once: {
      const shutdown_report report = pools_[0]->shutdown();
      if (report.error || report.cancelled + report.not_run.size() + report.still_running != 0) {
        fault("a drain left something");
      }
      if (pools_[0]->join()) fault("join refused");
      return audit(*pools_[0]);
    }
    case ending::destroyed_at_once:
      pools_[0].reset();
      return;
    case ending::cancelled_midway:
      return cancel_midway();
    default:
      drain_all();
      for (const auto& pool : pools_) audit(*pool);
  }
}

/// A pool may get work of another one after it was found dry.
void pool_run::drain_all() {
  const auto deadline = std::chrono::steady_clock::now() + longest_wait;
  do {
    for (const auto& pool : pools_) {
      if (pool->drain()) fault("drain refused");
    }
  } while (visited() < cells_.size() && std::chrono::steady_clock::now() < deadline);
}

void pool_run::cancel_midway() {
  const std::uint64_t goal = meant_.lead_in * cells_.size() / 512;
  for (int i = 0; visited() < goal && i < 20'000; ++i) std::this_thread::yield();
  shutdown_report report = pools_[0]->shutdown(shutdown_mode::cancel);
  if (pools_[0]->join()) fault("join refused");
  const std::uint64_t given_back = report.not_run.size();
  while (task* const back = report.not_run.pop()) {
    auto* const returned = static_cast<cell*>(back);
    if (std::exchange(returned->given_back, true)) fault("given back twice");
    if (returned->visits != 0) fault("given back although it ran");
  }
  const std::uint64_t ran = pools_[0]->shutdown().ran;
  if (ran + report.cancelled + given_back != accepted_) {
    fault("accepted " + std::to_string(accepted_) + " tasks, but " + std::to_string(ran) + " ran, " +
          std::to_string(report.cancelled) + " were cancelled and " + std::to_string(given_back) + " given back");
  }
}

/// Once a pool is quiet its counters must agree with each other.
void pool_run::audit(thread_pool& pool) {
  const auto deadline = std::chrono::steady_clock::now() + longest_wait;
  for (;;) {
    const pool_stats stats = pool.stats();
    if (stats.active + stats.blocked == 0 && stats.threads == stats.parked) return;
    if (stats.threads != stats.active + stats.parked + stats.blocked) return fault("the counters disagree");
    if (std::chrono::steady_clock::now() > deadline) return fault("a quiet pool does not come to rest");
    std::this_thread::sleep_for(50us);  // its last worker is on its way to sleep
  }
}

void pool_run::note_progress() noexcept {
  if (!measures_stalls_) return;
  const std::chrono::nanoseconds since_start = std::chrono::steady_clock::now().time_since_epoch();
  const auto now = static_cast<std::uint64_t>(since_start.count());
  const std::uint64_t before = last_progress_ns_.exchange(now);
  std::uint64_t longest = longest_stall_ns_;
  while (before != 0 && now > before && now - before > longest &&
         !longest_stall_ns_.compare_exchange_weak(longest, now - before)) {
  }
}

void pool_run::compare() {
  const bool complete = meant_.end != ending::cancelled_midway;
  const std::vector<std::uint64_t> expected = evaluate(meant_);
  for (std::uint32_t i = 0; i < cells_.size(); ++i) {
    const std::uint32_t visits = cells_[i].visits;
    if (visits > 1 || (complete && visits != 1)) {
      fault("node " + std::to_string(i) + " ran " + std::to_string(visits) + " times");
    }
    if (complete && cells_[i].result != expected[i]) fault("node " + std::to_string(i) + " has another result");
  }
}

void pool_run::note(const thread_pool& home, std::error_code error) {
  if (!error) {
    if (&home == first_pool_) accepted_.fetch_add(1, std::memory_order_relaxed);
  } else if (!may_refuse_ || error != errc::shut_down) {
    fault("refused: " + error.message());
  }
}

void pool_run::fault(const std::string& what) {
  const std::scoped_lock lock(faults_lock_);
  faults_ += what + "\n";
}

}  // namespace treadle::test::grammar
