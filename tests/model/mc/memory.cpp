// The memory of C++20 as views. Each location has its messages in modification order, which is the order in which the
// stores were executed; a load may return any message that nothing the thread knows has made too old.
#include "engine.hpp"

#include <cstring>
#include <utility>

namespace mc {

namespace {
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_consume;
using std::memory_order_relaxed;
using std::memory_order_release;
using std::memory_order_seq_cst;

constexpr bool acquires(std::memory_order order) noexcept {
  return order == memory_order_acquire || order == memory_order_consume || order == memory_order_acq_rel ||
         order == memory_order_seq_cst;
}
constexpr bool releases(std::memory_order order) noexcept {
  return order == memory_order_release || order == memory_order_acq_rel || order == memory_order_seq_cst;
}
constexpr unsigned most_stale_options = 8;
}  // namespace

void engine::tick() noexcept {
  view& current = threads_[current_].current;
  current.set_clock(current_, current.clock(current_) + 1);
}

bool engine::knows(unsigned index, std::uint32_t clock) const noexcept {
  return threads_[current_].current.clock(index) >= clock;
}

std::uint32_t engine::new_view() {
  if (view_count_ == views_.size()) views_.push_back(std::make_unique<view>());
  return view_count_++;
}

std::uint32_t engine::find_location(const void* address) const noexcept {
  for (std::uint32_t id = location_count_; id-- > 0;) {
    if (locations_[id].address == address && locations_[id].alive) return id;
  }
  return none;
}

// --- life of an atomic ---------------------------------------------------------------------------------------------

void engine::make_atomic(std::uint32_t& id, const void* address, std::uint64_t value, unsigned bytes, site where) {
  if (!running_) {
    id = none;
    return;
  }
  if (location_count_ == max_locations) {
    fail(failure::model, "too many atomics: raise mc::max_locations");
    leave();
  }
  tick();
  id = location_count_++;
  location& made = locations_[id];
  made.address = address;
  made.name = nullptr;
  made.alive = true;
  made.calm = false;
  made.bytes = bytes;
  made.maker = current_;
  made.made_at = threads_[current_].current.clock(current_);
  made.futex_floor = 0;
  made.accessed.fill(0);
  made.messages.push_back({value, none, static_cast<std::uint8_t>(current_)});
  note("makes", address, value, memory_order_relaxed, where);
}

void engine::end_atomic(std::uint32_t id, const void* address) noexcept {
  if (!running_ || id >= location_count_ || locations_[id].address != address) return;
  location& ended = locations_[id];
  bool ordered = knows(ended.maker, ended.made_at);
  for (unsigned t = 0; t < thread_count_; ++t) ordered = ordered && knows(t, ended.accessed[t]);
  if (!ordered) {
    fail(failure::race, "race: thread " + std::to_string(current_) + " destroys " + name_of(address) +
                            " while nothing says that the others have done with it");
    leave();
  }
  ended.alive = false;
}

void engine::check_alive(std::uint32_t id, const void* address, const char* what, site where) {
  if (id < location_count_ && locations_[id].address == address && locations_[id].alive) return;
  fail(failure::lifetime, std::string("lifetime: thread ") + std::to_string(current_) + " " + what + " " +
                              name_of(address) + ", which is dead or was never made, at " + place(where));
  leave();
}

/// What every operation on an atomic starts with: others may go first, then the location must (still) be there.
engine::location& engine::enter(std::uint32_t id, const void* address, op_kind kind, bool sc, site where) {
  static constexpr const char* what = "uses";
  if (!running_) {
    fail(failure::model, "an atomic of the model is used");
    leave();
  }
  check_alive(id, address, what, where);
  if (!locations_[id].calm) {
    before({kind, sc, id}, where);
    check_alive(id, address, what, where);
  }
  location& entered = locations_[id];
  if (!knows(entered.maker, entered.made_at)) {
    fail(failure::lifetime, "lifetime: thread " + std::to_string(current_) + " uses " + name_of(address) +
                                " before its initialisation is visible to it, at " + place(where));
    leave();
  }
  tick();
  entered.accessed[current_] = threads_[current_].current.clock(current_);
  return entered;
}

// --- messages ------------------------------------------------------------------------------------------------------

/// The oldest message that the thread may read. A seq_cst operation is also bound by what earlier ones made visible.
stamp engine::floor_of(const thread& self, std::uint32_t id, bool sc) const noexcept {
  const stamp known = self.current.oldest(id);
  return sc ? std::max(known, sc_.oldest(id)) : known;
}

/// A thread that waits in a loop must see a store at last, else the loop would not end. The body is the judge: it sees
/// what is.
bool engine::may_be_stale() const noexcept {
  return current_ != 0 && stale_left_ != 0 && threads_[current_].stale_after_yield != 0;
}

void engine::count_stale() noexcept {
  if (stale_left_ > 0) --stale_left_;
  if (threads_[current_].stale_after_yield > 0) --threads_[current_].stale_after_yield;
}

std::uint64_t engine::read_message(location& from, std::uint32_t id, stamp at, std::memory_order order) {
  thread& self = threads_[current_];
  const message& read = from.messages[at];
  self.current.raise(id, at);
  if (read.seen != none) {
    (acquires(order) ? self.current : self.acquire).join(*views_[read.seen]);
  }
  if (order == memory_order_seq_cst) sc_.raise(id, at);
  return read.value;
}

/// Appends a message. It carries what its writer knows (release), what it knew at its last release fence, and, being
/// part of a read-modify-write, what the message before it carried: the release sequence.
void engine::write_message(location& to, std::uint32_t id, std::uint64_t value, std::memory_order order,
                           bool is_update) {
  thread& self = threads_[current_];
  if (to.messages.size() == UINT16_MAX) {
    fail(failure::livelock, "livelock: 65,535 stores to " + name_of(to.address));
    leave();
  }
  const auto at = static_cast<stamp>(to.messages.size());
  const std::uint32_t before = is_update ? to.messages.back().seen : none;
  self.current.raise(id, at);
  std::uint32_t seen = none;
  if (releases(order) || self.has_release || before != none) {
    seen = new_view();
    view& carried = *views_[seen];
    if (releases(order)) {
      carried.assign(self.current);
    } else if (self.has_release) {
      carried.assign(self.release);
    } else {
      carried.clear();
    }
    if (before != none) carried.join(*views_[before]);
  }
  to.messages.push_back({value, seen, static_cast<std::uint8_t>(current_)});
  if (order == memory_order_seq_cst) sc_.raise(id, at);
}

// --- operations ----------------------------------------------------------------------------------------------------

std::uint64_t engine::load(std::uint32_t id, const void* address, std::memory_order order, site where) {
  order = weaken(order, false, where, 'l');
  const bool sc = order == memory_order_seq_cst;
  location& from = enter(id, address, op_kind::load, sc, where);
  const auto last = static_cast<stamp>(from.messages.size() - 1);
  unsigned back = 0;
  if (!from.calm && may_be_stale()) {
    const unsigned options = last - floor_of(threads_[current_], id, sc) + 1U;
    back = choose(choice::read, options < most_stale_options ? options : most_stale_options);
    if (back != 0) count_stale();
  }
  const std::uint64_t value = read_message(from, id, static_cast<stamp>(last - back), order);
  note("load", address, value, order, where, back != 0 ? "STALE" : "");
  return value;
}

void engine::store(std::uint32_t id, const void* address, std::uint64_t value, std::memory_order order, site where) {
  order = weaken(order, false, where, 's');
  location& to = enter(id, address, op_kind::store, order == memory_order_seq_cst, where);
  write_message(to, id, value, order, false);
  note("store", address, value, order, where);
}

std::uint64_t engine::update(std::uint32_t id, const void* address, modify how, std::uint64_t operand,
                             std::uint64_t mask, std::memory_order order, site where) {
  static constexpr const char* names[] = {"exchange", "fetch_add", "fetch_sub", "fetch_or", "fetch_and", "fetch_xor"};
  order = weaken(order, false, where, 'u');
  location& word = enter(id, address, op_kind::store, order == memory_order_seq_cst, where);
  const std::uint64_t old = read_message(word, id, static_cast<stamp>(word.messages.size() - 1), order);
  std::uint64_t value = operand;
  switch (how) {
    case modify::exchange:
      break;
    case modify::add:
      value = old + operand;
      break;
    case modify::subtract:
      value = old - operand;
      break;
    case modify::bit_or:
      value = old | operand;
      break;
    case modify::bit_and:
      value = old & operand;
      break;
    case modify::bit_xor:
      value = old ^ operand;
      break;
  }
  write_message(word, id, value & mask, order, true);
  note(names[static_cast<unsigned>(how)], address, value & mask, order, where);
  return old;
}

bool engine::compare_exchange(std::uint32_t id, const void* address, std::uint64_t& expected, std::uint64_t desired,
                              std::memory_order success, std::memory_order fail, bool weak, site where) {
  success = weaken(success, false, where, 'u');
  fail = weaken(fail, true, where, 'l');
  const bool sc = success == memory_order_seq_cst || fail == memory_order_seq_cst;
  location& word = enter(id, address, op_kind::store, sc, where);
  const auto last = static_cast<stamp>(word.messages.size() - 1);
  stamp at = last;
  bool succeeds = word.messages[last].value == expected;
  if (may_be_stale()) {
    // A failing one is a load, which may return an older message, though not one that holds what is expected.
    stamp stale[most_stale_options];
    unsigned options = 1;
    const stamp oldest = floor_of(threads_[current_], id, fail == memory_order_seq_cst);
    for (stamp older = last; older > oldest && options < most_stale_options;) {
      if (word.messages[--older].value != expected) stale[options++] = older;
    }
    const unsigned pick = choose(choice::read, options);
    if (pick != 0) {
      at = stale[pick];
      succeeds = false;
      count_stale();
    }
  }
  if (succeeds && weak && weak_left_ != 0 && choose(choice::weak_failure, 2) != 0) {
    succeeds = false;
    if (weak_left_ > 0) --weak_left_;
    note("compare_exchange", address, expected, fail, where, "fails for NO REASON");
    read_message(word, id, at, fail);
    return false;
  }
  if (succeeds) {
    read_message(word, id, last, success);
    write_message(word, id, desired, success, true);
    note("compare_exchange", address, desired, success, where);
    return true;
  }
  expected = read_message(word, id, at, fail);
  note("compare_exchange", address, expected, fail, where, at == last ? "fails" : "fails on a STALE value");
  return false;
}

std::uint64_t engine::newest(std::uint32_t id, const void* address) {
  check_alive(id, address, "looks at", site{});
  return locations_[id].messages.back().value;
}

void engine::fence(std::memory_order order, site where) {
  order = weaken(order, false, where, 'f');
  if (order == memory_order_relaxed) return;
  if (order == memory_order_seq_cst) before({op_kind::fence, true, 0}, where);
  tick();
  thread& self = threads_[current_];
  if (acquires(order)) self.current.join(self.acquire);
  if (order == memory_order_seq_cst) {
    self.current.join_stamps(sc_);
    sc_.join_stamps(self.current);
  }
  if (releases(order)) {
    self.release.assign(self.current);
    self.has_release = true;
  }
  note("fence", nullptr, 0, order, where);
}

/// The pair of barriers of which one is free: as seq_cst fences, but only a heavy one and a light one order each other.
void engine::light_barrier(site where) {
  const bool left_out = weaken(memory_order_seq_cst, false, where, 'b') == memory_order_relaxed;
  before({op_kind::fence, true, 0}, where);
  if (left_out) return;
  tick();
  thread& self = threads_[current_];
  self.current.join_stamps(heavy_);
  self.light.assign(self.current);
  if (barrier_refused_) {  // whoever was refused one has waited long enough for this
    self.current.join_stamps(sc_);
    sc_.join_stamps(self.current);
  }
  note("fence", nullptr, 0, memory_order_relaxed, where, "light barrier");
}

bool engine::heavy_barrier(site where) {
  const bool left_out = weaken(memory_order_seq_cst, false, where, 'b') == memory_order_relaxed;
  before({op_kind::other, true, 0}, where);
  if (!barrier_refused_ && how_.refused_barriers && choose(choice::refusal, 2) != 0) barrier_refused_ = true;
  if (left_out) return true;
  tick();
  thread& self = threads_[current_];
  self.current.join(self.acquire);
  self.current.join_stamps(sc_);
  for (unsigned t = 0; t < thread_count_; ++t) self.current.join_stamps(threads_[t].light);
  sc_.join_stamps(self.current);
  heavy_.join_stamps(self.current);
  self.release.assign(self.current);
  self.has_release = true;
  // A refused one waits, instead, for what others have left to it: see src/os/barrier.cpp.
  note("fence", nullptr, 0, memory_order_seq_cst, where,
       barrier_refused_ ? "heavy barrier is REFUSED, waits" : "heavy barrier");
  return !barrier_refused_;
}

// --- plain cells ---------------------------------------------------------------------------------------------------

void engine::make_plain(std::uint32_t& id, const void* address, site where) {
  if (!running_) {
    id = none;
    return;
  }
  tick();
  id = static_cast<std::uint32_t>(cells_.size());
  cells_.push_back({address,
                    true,
                    static_cast<std::uint8_t>(current_),
                    0,
                    threads_[current_].current.clock(current_),
                    where,
                    {},
                    {}});
}

void engine::end_plain(std::uint32_t id, const void* address) noexcept {
  if (!running_ || id >= cells_.size() || cells_[id].address != address) return;
  write_plain(id, address, site{"(destructor)", 0});
  cells_[id].alive = false;
}

void engine::read_plain(std::uint32_t id, const void* address, site where) {
  if (!running_) {
    fail(failure::model, "a plain cell of the model is used");
    leave();
  }
  if (id >= cells_.size() || cells_[id].address != address || !cells_[id].alive) {
    fail(failure::lifetime, "lifetime: thread " + std::to_string(current_) + " reads the cell " + name_of(address) +
                                ", which is dead or was never made, at " + place(where));
    leave();
  }
  cell& read = cells_[id];
  if (!knows(read.writer, read.written_at)) {
    fail(failure::race, "race on the cell " + name_of(address) + ": thread " + std::to_string(current_) +
                            " reads it at " + place(where) + ", thread " + std::to_string(read.writer) +
                            " wrote it at " + place(read.written_by));
    leave();
  }
  tick();
  read.read_at[current_] = threads_[current_].current.clock(current_);
  read.reader = static_cast<std::uint8_t>(current_);
  read.read_by = where;
  note("get", address, 0, memory_order_relaxed, where);
}

void engine::write_plain(std::uint32_t id, const void* address, site where) {
  if (!running_) {
    fail(failure::model, "a plain cell of the model is used");
    leave();
  }
  if (id >= cells_.size() || cells_[id].address != address || !cells_[id].alive) {
    fail(failure::lifetime, "lifetime: thread " + std::to_string(current_) + " writes the cell " + name_of(address) +
                                ", which is dead or was never made, at " + place(where));
    leave();
  }
  cell& written = cells_[id];
  const char* verb = knows(written.writer, written.written_at) ? nullptr : " wrote it at ";
  unsigned other = written.writer;
  site there = written.written_by;
  for (unsigned t = 0; verb == nullptr && t < thread_count_; ++t) {
    if (knows(t, written.read_at[t])) continue;
    verb = " read it, last at ";
    other = t;
    there = written.read_by;
  }
  if (verb != nullptr) {
    fail(failure::race, "race on the cell " + name_of(address) + ": thread " + std::to_string(current_) +
                            " writes it at " + place(where) + ", thread " + std::to_string(other) + verb +
                            place(there));
    leave();
  }
  tick();
  written.writer = static_cast<std::uint8_t>(current_);
  written.written_at = threads_[current_].current.clock(current_);
  written.written_by = where;
  note("set", address, 0, memory_order_relaxed, where);
}

// --- heap ----------------------------------------------------------------------------------------------------------

void* engine::allocate(std::size_t bytes, const char* type, bool must_be_freed, site where) {
  static constexpr std::size_t heap_bytes = std::size_t{1} << 20;
  const std::size_t rounded = (bytes + 63) / 64 * 64;
  const std::size_t shift = (64 - reinterpret_cast<std::uintptr_t>(heap_.get()) % 64) % 64;
  if (heap_used_ + rounded + shift > heap_bytes) {
    fail(failure::model, "the heap of the model is full");
    leave();
  }
  char* const begin = heap_.get() + shift + heap_used_;
  heap_used_ += rounded;
  blocks_.push_back({begin, bytes, type, must_be_freed, false, where, {}});
  return begin;
}

/// Freed memory is not given out again in the same execution, so that every later use of it is seen.
void engine::free(void* memory, site where) {
  for (block& made : blocks_) {
    if (made.begin != memory) continue;
    if (made.freed) {
      fail(failure::lifetime, "lifetime: " + name_of(memory) + " is destroyed twice, at " + place(made.freed_by) +
                                  " and at " + place(where));
      leave();
    }
    made.freed = true;
    made.freed_by = where;
    return;
  }
  fail(failure::lifetime, "lifetime: destroys what was not made, at " + place(where));
  leave();
}

}  // namespace mc
