// Threads of one execution: start, switch, sleep, wake, end. What memory does is in memory.cpp, who is next is decided
// in explore.cpp.
#include "engine.hpp"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace mc {

namespace {
constexpr std::size_t heap_bytes = std::size_t{1} << 20;
constexpr unsigned bit(unsigned index) { return 1U << index; }
}  // namespace

bool dependent(const pending_op& a, const pending_op& b) noexcept {
  if (a.kind == op_kind::start || b.kind == op_kind::start) return false;
  if (a.kind == op_kind::other || b.kind == op_kind::other) return true;
  if (a.kind == op_kind::fence || b.kind == op_kind::fence) return a.sc && b.sc;
  if (a.location != b.location) return false;
  return a.kind == op_kind::store || b.kind == op_kind::store || (a.sc && b.sc);
}

engine::engine(const options& how, void (*body)(void*), void* context)
    : how_(how), body_(body), context_(context), heap_(new char[heap_bytes]) {
  active = this;
}

engine::~engine() { active = nullptr; }

void engine::reset() {
  for (std::uint32_t id = 0; id < location_count_; ++id) locations_[id].messages.clear();
  for (unsigned t = 0; t < thread_count_; ++t) {
    threads_[t].what = state::finished;
    threads_[t].priming = false;
    threads_[t].has_release = false;
    threads_[t].yields_to = 0;
    threads_[t].stale_after_yield = -1;
  }
  threads_[0].current.clear();
  threads_[0].light.clear();
  sc_.clear();
  heavy_.clear();
  barrier_refused_ = false;
  cells_.clear();
  blocks_.clear();
  owned_.clear();
  steps_noted_.clear();
  picks_.clear();
  heap_used_ = 0;
  location_count_ = view_count_ = choices_ = 0;
  thread_count_ = 1;
  current_ = 0;
  ready_ = 0;
  asleep_ = 0;
  script_at_ = 0;
  steps_ = 0;
  now_ns_ = 1'000'000'000;
  preemptions_left_ = how_.preemptions;
  stale_left_ = how_.stale_reads;
  weak_left_ = how_.weak_failures;
  spurious_left_ = how_.spurious_wakes;
  time_outs_left_ = how_.time_outs;
  unfair_left_ = how_.unfair_turns;
  pruned_ = failed_ = false;
}

void engine::run_one() {
  reset();
  running_ = true;
  thread& body = threads_[0];
  body.function.set([this] { body_(context_); });
  body.stack.start(fiber_main);
  body.what = state::ready;
  body.current.set_clock(0, 1);
  body.acquire.clear();
  ready_ = bit(0);
  fiber::switch_to(main_, body.stack);
  running_ = false;
  ++result_.executions;
  if (steps_ > result_.longest) result_.longest = steps_;
}

void engine::leave() {
  fiber::switch_to(threads_[current_].stack, main_);
  std::abort();  // nobody comes back to an execution that is over
}

void engine::fail(failure kind, std::string text) {
  if (!running_) {
    std::fprintf(stderr, "mc: outside of an execution: %s\n", text.c_str());
    std::abort();
  }
  failed_ = true;
  failure_ = kind;
  message_ = std::move(text);
}

void engine::fiber_main() {
  fiber::entered();
  active->thread_main();
}

void engine::thread_main() {
  const unsigned index = current_;
  thread& self = threads_[index];
  self.function();
  if (index == 0) finish_body();
  note("ends", nullptr, 0, std::memory_order_relaxed, site{});
  tick();
  self.what = state::finished;
  ready_ &= ~bit(index);
  const bool priming = std::exchange(self.priming, false);
  unsigned unfinished = 0;
  for (unsigned t = 1; t < thread_count_; ++t) {
    if (threads_[t].what != state::finished) ++unfinished;
    if (threads_[t].what == state::on_join && threads_[t].joins == index) make_ready(t);
  }
  thread& body = threads_[0];
  if (body.what == state::on_join && body.joins == index) make_ready(0);
  if (body.what == state::on_all && unfinished == 0) make_ready(0);
  switch_to(priming ? self.primer : pick_next(false));
  std::abort();
}

/// Ends the body's part: whatever it owns dies, whatever is left over is a leak.
void engine::finish_body() {
  run(true);
  while (!owned_.empty()) {
    const owned last = owned_.back();
    owned_.pop_back();
    last.destroy(last.object);
  }
  for (const block& made : blocks_) {
    if (made.must_be_freed && !made.freed) {
      fail(failure::leak, "leak: " + name_of(made.begin) + " made at " + place(made.made_by) + " was never destroyed");
      leave();
    }
  }
  leave();
}

void engine::own(void* object, void (*destroy)(void*)) { owned_.push_back({object, destroy}); }

void engine::switch_to(unsigned next) {
  fiber& from = threads_[current_].stack;
  current_ = next;
  fiber::switch_to(from, threads_[next].stack);
}

callable& engine::add_thread() {
  if (thread_count_ == max_threads) {
    fail(failure::model, "too many threads: raise mc::max_threads");
    leave();
  }
  threads_[thread_count_].what = state::unstarted;
  return threads_[thread_count_++].function;
}

/// Starts a thread and runs it up to its first operation: what comes before that only it can see.
void engine::start_thread(unsigned index) {
  thread& made = threads_[index];
  thread& maker = threads_[current_];
  made.current.assign(maker.current);
  made.current.set_clock(index, 1);
  made.acquire.clear();
  made.light.clear();
  tick();
  made.has_release = false;
  made.yields_to = 0;
  made.stale_after_yield = -1;
  made.timed_out = false;
  made.priority = static_cast<int>(random() >> 40) + 1;
  made.stack.start(fiber_main);
  make_ready(index);
}

unsigned engine::start_added() {
  const unsigned index = thread_count_ - 1;
  start_thread(index);
  return index;
}

void engine::join(unsigned index, site where) {
  before({op_kind::other, true, 0}, where);
  thread& self = threads_[current_];
  if (threads_[index].what != state::finished) {
    self.joins = index;
    sleep_as(state::on_join);
  }
  threads_[current_].current.join(threads_[index].current);
  note("joins", nullptr, index, std::memory_order_relaxed, where);
}

/// Runs the threads added so far until they end (the body then knows all they did), or until nobody can go on.
void engine::run(bool to_the_end) {
  for (unsigned t = 1; t < thread_count_; ++t) {
    if (threads_[t].what == state::unstarted) start_thread(t);
  }
  bool all_ended = true;
  for (unsigned t = 1; t < thread_count_; ++t) all_ended = all_ended && threads_[t].what == state::finished;
  if (!to_the_end) {
    if (ready_ != bit(0)) sleep_as(state::on_quiet);
    return;
  }
  if (!all_ended) sleep_as(state::on_all);
  for (unsigned t = 1; t < thread_count_; ++t) threads_[0].current.join(threads_[t].current);
}

unsigned engine::asleep() const noexcept {
  unsigned count = 0;
  for (unsigned t = 1; t < thread_count_; ++t) {
    const state what = threads_[t].what;
    if (what == state::on_futex || what == state::on_join) ++count;
  }
  return count;
}

/// Announces the next operation and lets the explorer run others first.
void engine::before(pending_op op, site where) {
  thread& self = threads_[current_];
  self.pending = op;
  self.where = where;
  if (self.priming) {
    self.priming = false;
    self.what = state::ready;
    ready_ |= bit(current_);
    switch_to(self.primer);
    return;
  }
  if (++steps_ > how_.max_steps) {
    fail(failure::livelock, "livelock: " + std::to_string(steps_) + " steps\n" + describe_sleepers());
    leave();
  }
  const unsigned next = pick_next(true);
  if (next != current_) switch_to(next);
}

void engine::sleep_as(state what) {
  thread& self = threads_[current_];
  self.what = what;
  ready_ &= ~bit(current_);
  // A thread that is still being primed has not been chosen yet: its primer goes on.
  const unsigned next = self.priming ? self.primer : pick_next(false);
  self.priming = false;
  if (next != current_) switch_to(next);
}

/// Wakes a thread, which at once runs up to its next operation.
void engine::make_ready(unsigned index) {
  thread& woken = threads_[index];
  woken.what = state::ready;
  woken.yields_to = 0;
  if (index == current_) {
    woken.pending = {};
    ready_ |= bit(index);
    return;
  }
  woken.priming = true;
  woken.primer = current_;
  switch_to(index);
}

/// With nobody ready: lets the body look, else the earliest deadline passes.
bool engine::wake_someone_idle() {
  if (threads_[0].what == state::on_quiet) {
    make_ready(0);
    return true;
  }
  unsigned first = none;
  for (unsigned t = 0; t < thread_count_; ++t) {
    const thread& sleeper = threads_[t];
    if (sleeper.what != state::on_futex || sleeper.deadline == no_deadline) continue;
    if (first == none || sleeper.deadline < threads_[first].deadline) first = t;
  }
  if (first == none) return false;
  threads_[first].timed_out = true;
  if (threads_[first].deadline > now_ns_) now_ns_ = threads_[first].deadline;
  make_ready(first);
  return true;
}

/// Decides who goes on. Staying with a thread that can go on costs nothing and is the first option.
unsigned engine::pick_next(bool may_stay) {
  while (ready_ == 0) {
    if (!wake_someone_idle()) {
      fail(failure::deadlock, "deadlock:\n" + describe_sleepers());
      leave();
    }
  }
  unsigned fair = 0;
  for (unsigned t = 0; t < thread_count_; ++t) {
    if ((ready_ & bit(t)) != 0 && (threads_[t].yields_to & ready_) == 0) fair |= bit(t);
  }
  if (fair == 0) {
    for (unsigned t = 0; t < thread_count_; ++t) threads_[t].yields_to = 0;
    fair = ready_;
  }
  unsigned options[max_threads];
  unsigned count = 0;
  const bool stay = may_stay && (fair & bit(current_)) != 0;
  if (stay) options[count++] = current_;
  unsigned fair_count = count;
  if (!stay || preemptions_left_ != 0) {
    for (unsigned ahead = 1; ahead <= thread_count_; ++ahead) {
      const unsigned t = (current_ + ahead) % thread_count_;
      if ((fair & bit(t)) != 0 && !(stay && t == current_)) options[count++] = t;
    }
    fair_count = count;
    for (unsigned t = 0; t < thread_count_ && unfair_left_ != 0; ++t) {
      if ((ready_ & ~fair & bit(t)) != 0) options[count++] = t;
    }
  }
  const unsigned rank = choose_thread(options, count, fair_count, stay);
  if (stay && rank != 0 && preemptions_left_ > 0) --preemptions_left_;
  if (rank >= fair_count && unfair_left_ > 0) --unfair_left_;
  begin_step(options[rank]);
  return options[rank];
}

void engine::begin_step(unsigned next) {
  for (unsigned t = 0; t < thread_count_; ++t) threads_[t].yields_to &= ~bit(next);
  threads_[next].yields_to = 0;
  if (asleep_ == 0) return;
  asleep_ &= ~bit(next);
  for (unsigned t = 0; t < thread_count_; ++t) {
    if ((asleep_ & bit(t)) != 0 && dependent(threads_[t].pending, threads_[next].pending)) asleep_ &= ~bit(t);
  }
}

/// Pause, yield, sleep: the others go first, else loops that wait would not end.
void engine::yield(std::int64_t ns, const char* what, site where) {
  before({op_kind::other, true, 0}, where);
  note(what, nullptr, 0, std::memory_order_relaxed, where);
  now_ns_ += ns;
  threads_[current_].yields_to = ready_ & ~bit(current_);
  if (threads_[current_].stale_after_yield < 0) threads_[current_].stale_after_yield = how_.stale_after_yield;
}

std::string engine::describe_sleepers() const {
  std::string text;
  for (unsigned t = 0; t < thread_count_; ++t) {
    const thread& one = threads_[t];
    static constexpr const char* names[] = {
        "could go on",           "sleeps on a futex", "waits for the end of a thread",
        "waits for all threads", "waits for quiet",   "has ended"};
    text += "  thread " + std::to_string(t) + " " + names[static_cast<unsigned>(one.what)];
    if (one.what == state::on_futex) text += " " + name_of(one.futex);
    if (one.what != state::finished && one.what != state::on_all) text += " at " + place(one.where);
    text += "\n";
  }
  return text;
}

// --- futex ---------------------------------------------------------------------------------------------------------

bool engine::futex_wait(std::uint32_t id, const void* address, std::uint64_t expected, std::int64_t deadline_ns,
                        site where) {
  const bool timed = deadline_ns != no_deadline;
  location& word = enter(id, address, timed ? op_kind::other : op_kind::store, false, where);
  thread& self = threads_[current_];
  const auto last = static_cast<stamp>(word.messages.size() - 1);
  stamp at = last;
  if (word.messages[last].value != expected && may_be_stale()) {
    // An older value is what the kernel compares only as long as no wake that followed the newer one has been.
    const stamp oldest = std::max(self.current.oldest(id), word.futex_floor);
    while (at > oldest && word.messages[at].value != expected) --at;
    if (word.messages[at].value != expected || choose(choice::read, 2) == 0) {
      at = last;
    } else {
      count_stale();
    }
  }
  self.current.raise(id, at);
  const std::uint64_t value = word.messages[at].value;
  if (value != expected) {
    note("futex_wait", address, value, std::memory_order_relaxed, where, "returns: another value");
    return true;
  }
  if (timed && deadline_ns <= now_ns_) {
    note("futex_wait", address, value, std::memory_order_relaxed, where, "returns: the time is over");
    return false;
  }
  if (timed && time_outs_left_ != 0 && choose(choice::time_out, 2) != 0) {
    if (time_outs_left_ > 0) --time_outs_left_;
    now_ns_ = deadline_ns;
    note("futex_wait", address, value, std::memory_order_relaxed, where, "returns: the time passes now");
    return false;
  }
  if (spurious_left_ != 0 && choose(choice::spurious, 2) != 0) {
    if (spurious_left_ > 0) --spurious_left_;
    note("futex_wait", address, value, std::memory_order_relaxed, where, "returns: for no reason");
    return true;
  }
  note("futex_wait", address, value, std::memory_order_relaxed, where,
       at == last ? "sleeps" : "sleeps on a STALE value");
  self.futex = address;
  self.deadline = deadline_ns;
  self.timed_out = false;
  self.where = where;
  sleep_as(state::on_futex);
  note("futex_wait", address, 0, std::memory_order_relaxed, where, self.timed_out ? "times out" : "is woken");
  return !self.timed_out;
}

void engine::futex_wake(const void* address, std::uint32_t count, site where) {
  const std::uint32_t id = find_location(address);
  before({id == none ? op_kind::other : op_kind::store, false, id}, where);
  tick();
  if (id != none) {
    location& word = locations_[id];
    word.futex_floor = std::max(word.futex_floor, threads_[current_].current.oldest(id));
  }
  note("futex_wake", address, count, std::memory_order_relaxed, where);
  for (std::uint32_t woken = 0; woken < count; ++woken) {
    unsigned sleepers[max_threads];
    unsigned found = 0;
    for (unsigned t = 0; t < thread_count_; ++t) {
      if (threads_[t].what == state::on_futex && threads_[t].futex == address) sleepers[found++] = t;
    }
    if (found == 0) return;
    make_ready(sleepers[count >= found ? 0 : choose(choice::woken, found)]);
  }
}

}  // namespace mc
