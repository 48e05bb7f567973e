// Who decides: a random walk, random priorities, depth-first search, or a script; and what becomes of a failure.
#include "engine.hpp"

#include <algorithm>
#include <bit>

namespace mc {

namespace {

std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace

// --- choices -------------------------------------------------------------------------------------------------------

std::uint64_t engine::random() { return mixed(random_state_++); }

/// Picks one of `count` options; the first is always the plain one. Numbers the choice, so that a script can name it.
unsigned engine::choose(choice kind, unsigned count, std::uint32_t allowed) {
  if (count <= 1) return 0;
  unsigned pick = 0;
  if (scripted_) {
    if (script_at_ < script_.size() && script_[script_at_].at == choices_) {
      pick = std::min<unsigned>(script_[script_at_].pick, count - 1);
    }
    while (script_at_ < script_.size() && script_[script_at_].at <= choices_) ++script_at_;
  } else if (how_.mode == explorer::exhaustive) {
    pick = choose_first(count, allowed);
  } else {
    pick = choose_random(kind, count);
  }
  if (pick != 0) picks_.push_back({choices_, static_cast<std::uint8_t>(pick)});
  ++choices_;
  return pick;
}

unsigned engine::choose_first(unsigned count, std::uint32_t allowed) {
  if (choices_ == path_.size()) {
    if (count > 32) {
      fail(failure::model, "a choice of more than 32 options");
      leave();
    }
    const auto mask = count == 32 ? ~0U : (1U << count) - 1;
    const auto first = static_cast<std::uint8_t>(std::countr_zero(allowed & mask));
    path_.push_back({static_cast<std::uint8_t>(count), first, allowed & mask});
  } else if (path_[choices_].count != count) {
    fail(failure::model, "the model does not do the same when it runs again: it must depend on its choices only");
    leave();
  }
  return path_[choices_].pick;
}

unsigned engine::choose_random(choice kind, unsigned count) {
  const std::uint64_t dice = random();
  const auto other = static_cast<unsigned>(1 + (dice >> 32) % (count - 1));
  switch (kind) {
    case choice::read:
      return (dice & 3) != 0 ? 0 : other;
    case choice::weak_failure:
    case choice::refusal:
    case choice::spurious:
      return (dice & 7) != 0 ? 0 : other;
    case choice::time_out:
      return (dice & 3) != 0 ? 0 : other;
    case choice::thread:
    case choice::woken:
    case choice::user:
      break;
  }
  return static_cast<unsigned>((dice >> 32) % count);
}

/// Picks the thread that goes on. Options: the current one if it may stay, other fair ones, then the unfair ones.
unsigned engine::choose_thread(const unsigned* options, unsigned count, unsigned fair, bool stay) {
  if (scripted_ || how_.mode == explorer::exhaustive) {
    std::uint32_t allowed = 0;
    for (unsigned rank = 0; rank < count; ++rank) {
      if ((asleep_ & (1U << options[rank])) == 0) allowed |= 1U << rank;
    }
    if (allowed == 0) {
      pruned_ = true;
      leave();
    }
    const unsigned rank = choose(choice::thread, count, allowed);
    if (reducing_) {
      // What was explored from here before need not be the next step again, until something it depends on happens.
      for (unsigned earlier = 0; earlier < rank; ++earlier) asleep_ |= 1U << options[earlier];
    }
    return rank;
  }
  if (count <= 1) return 0;
  unsigned rank = 0;
  if (how_.mode == explorer::pct) {
    rank = choose_pct(options, fair, stay);
  } else if (count > fair && (fair == 0 || random() % 8 == 0)) {
    rank = fair + static_cast<unsigned>(random() % (count - fair));
  } else if (!stay || random() % 256 >= stay_of_256_) {
    rank = static_cast<unsigned>(random() % fair);
  }
  if (rank != 0) picks_.push_back({choices_, static_cast<std::uint8_t>(rank)});
  ++choices_;
  return rank;
}

unsigned engine::choose_pct(const unsigned* options, unsigned fair, bool stay) {
  if (stay && std::find(change_at_.begin(), change_at_.end(), steps_) != change_at_.end()) {
    threads_[current_].priority = lowest_priority_--;
  }
  unsigned best = 0;
  for (unsigned rank = 1; rank < fair; ++rank) {
    if (threads_[options[rank]].priority > threads_[options[best]].priority) best = rank;
  }
  return best;
}

// --- explorations --------------------------------------------------------------------------------------------------

bool engine::out_of_time() const {
  if (how_.time_limit_ms == 0) return false;
  const auto spent = std::chrono::steady_clock::now() - started_;
  return spent >= std::chrono::milliseconds(how_.time_limit_ms);
}

void engine::begin_random_run(std::uint64_t index) {
  random_state_ = mixed(how_.seed + mixed(index));
  stay_of_256_ = static_cast<unsigned>(static_cast<unsigned char>("\x20\x80\xc0\xf0"[random() & 3]));
  lowest_priority_ = 0;
  threads_[0].priority = static_cast<int>(random() >> 40) + 1;
  change_at_.clear();
  const std::uint64_t length = std::max<std::uint64_t>(result_.longest, 8);
  for (int point = 0; point < how_.change_points; ++point) change_at_.push_back(1 + random() % length);
}

void engine::random_runs() {
  const std::uint64_t count = how_.executions != 0 ? how_.executions : 10'000;
  for (std::uint64_t index = 0; index < count && !failed_; ++index) {
    if (index % 64 == 63 && out_of_time()) return;
    begin_random_run(index);
    run_one();
  }
}

bool engine::next_path() {
  while (!path_.empty()) {
    node& last = path_.back();
    const std::uint32_t later = last.allowed & ~((2U << last.pick) - 1);
    if (later != 0) {
      last.pick = static_cast<std::uint8_t>(std::countr_zero(later));
      return true;
    }
    path_.pop_back();
  }
  return false;
}

void engine::exhaustive_runs() {
  path_.clear();
  for (;;) {
    run_one();
    if (failed_) return;
    if (pruned_) ++result_.cut_short;
    if (!next_path()) {
      result_.complete = true;
      return;
    }
    if (how_.executions != 0 && result_.executions >= how_.executions) return;
    if (result_.executions % 64 == 0 && out_of_time()) return;
  }
}

result engine::explore() {
  started_ = std::chrono::steady_clock::now();
  reducing_ = how_.mode == explorer::exhaustive && how_.reduce && how_.preemptions < 0 && how_.replay.empty();
  if (!how_.replay.empty()) {
    scripted_ = true;
    std::uint32_t at = 0;
    for (const char* text = how_.replay.c_str(); *text != '\0';) {
      char* rest = nullptr;
      at = static_cast<std::uint32_t>(std::strtoul(text, &rest, 10));
      if (*rest != '=') break;
      script_.push_back({at, static_cast<std::uint8_t>(std::strtoul(rest + 1, &rest, 10))});
      text = *rest == ',' ? rest + 1 : rest;
    }
    run_one();
  } else if (how_.mode == explorer::exhaustive) {
    exhaustive_runs();
  } else {
    random_runs();
  }
  if (failed_) explain();
  const auto spent = std::chrono::steady_clock::now() - started_;
  result_.milliseconds = std::chrono::duration<double, std::milli>(spent).count();
  return std::move(result_);
}

// --- a failure -----------------------------------------------------------------------------------------------------

/// Runs the failing execution again, made as short as it gets, and writes down what it does.
void engine::explain() {
  const std::uint64_t executions = result_.executions;
  result_.failed = true;
  script_ = picks_;
  scripted_ = true;
  reducing_ = false;
  if (failure_ != failure::model && how_.shrink) shrink();
  tracing_ = true;
  run_one();
  result_.executions = executions;
  if (!failed_) {
    failure_ = failure::model;
    message_ = "a failure that does not come again: the model must depend on its choices only";
  }
  result_.kind = failure_;
  result_.message = message_;
  for (const picked& one : picks_) {
    if (!result_.choices.empty()) result_.choices += ',';
    result_.choices += std::to_string(one.at) + "=" + std::to_string(one.pick);
  }
  if (result_.choices.empty()) result_.choices = "0=0";
  result_.trace = format_trace();
}

bool engine::still_fails(const std::vector<picked>& script) {
  const failure wanted = result_.kind;
  script_ = script;
  run_one();
  return failed_ && failure_ == wanted;
}

/// Leaves out ever smaller groups of the choices that were not the plain ones, as long as the same kind of failure
/// remains.
void engine::shrink() {
  result_.kind = failure_;
  std::vector<picked> best = picks_;
  unsigned tries = 0;
  for (std::size_t group = std::max<std::size_t>(best.size() / 2, 1); tries < 3000;) {
    bool shorter = false;
    for (std::size_t at = 0; at < best.size() && tries < 3000; ++tries) {
      std::vector<picked> fewer(best);
      const std::size_t end = std::min(at + group, fewer.size());
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at), fewer.begin() + static_cast<std::ptrdiff_t>(end));
      if (still_fails(fewer) && picks_.size() < best.size()) {
        best = picks_;
        shorter = true;
      } else {
        at += group;
      }
    }
    if (group == 1 && !shorter) break;
    if (!shorter) group = std::max<std::size_t>(group / 2, 1);
  }
  script_ = best;
}

// --- mutants -------------------------------------------------------------------------------------------------------

void engine::note_order(std::memory_order order, bool on_failure, site where, char operation) {
  using std::memory_order_acq_rel, std::memory_order_acquire, std::memory_order_relaxed, std::memory_order_release,
      std::memory_order_seq_cst;
  std::vector<std::memory_order> weaker;
  switch (order) {
    case memory_order_seq_cst:
      weaker = {operation == 'b'   ? memory_order_relaxed
                : operation == 'l' ? memory_order_acquire
                : operation == 's' ? memory_order_release
                                   : memory_order_acq_rel};
      break;
    case memory_order_acq_rel:
      weaker = {memory_order_acquire, memory_order_release};
      break;
    case std::memory_order_consume:
    case memory_order_acquire:
    case memory_order_release:
      weaker = {memory_order_relaxed};
      break;
    case memory_order_relaxed:
      return;
  }
  for (const std::memory_order to : weaker) {
    const mutant made{where.file, where.line, where.function, on_failure, order, to};
    const auto same = [&](const mutant& other) {
      return other.path == made.path && other.line == made.line && other.on_failure == made.on_failure &&
             other.from == made.from && other.to == made.to;
    };
    if (std::none_of(result_.orders.begin(), result_.orders.end(), same)) result_.orders.push_back(made);
  }
}

std::memory_order engine::weaken(std::memory_order order, bool on_failure, site where, char operation) {
  if (how_.collect_orders) note_order(order, on_failure, where, operation);
  if (how_.weaken == nullptr) return order;
  const mutant& made = *how_.weaken;
  const bool here =
      made.from == order && made.line == where.line && made.on_failure == on_failure && made.path == where.file;
  return here ? made.to : order;
}

}  // namespace mc
