#include "../os/os.hpp"
#include "context.hpp"
#include "wait_names.hpp"

#include <treadle/detail/pool_core.hpp>
#include <treadle/detail/sign_board.hpp>
#include <treadle/detail/site_word.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// All of it may run in a signal handler, on whatever thread and in whatever state that is: no allocation, no standard
// I/O, no lock but by trying. docs/design/inside.md.

namespace treadle::detail {

namespace {

/// Coroutines that get a line each; the others are only counted.
constexpr std::uint64_t most_lines = 1'000;
/// Queued tasks that are counted, and that get a line.
constexpr std::size_t most_counted = 4'096, most_named = 4;
/// Tries for a lock that its holder keeps for some instructions, unless it is what the signal has interrupted.
constexpr int most_tries = 1'000;

std::string_view name_of(lifecycle life) noexcept {
  switch (life) {
    case lifecycle::running:
      return "running";
    case lifecycle::draining:
      return "draining";
    case lifecycle::cancelling:
      return "cancelling";
    case lifecycle::stopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace

/// Text on its way to a descriptor, by way of the stack. After a failure it swallows the rest.
class pool_core::dump_text {
 public:
  explicit dump_text(int descriptor) noexcept : descriptor_(descriptor), now_ns_(monotonic_ns()) {}

  dump_text& operator<<(std::string_view text) noexcept {
    for (const char each : text) add(each);
    return *this;
  }
  dump_text& operator<<(std::uint64_t number) noexcept {
    if (number >= 10) *this << number / 10;
    add(static_cast<char>('0' + number % 10));
    return *this;
  }
  dump_text& operator<<(std::uint32_t number) noexcept { return *this << std::uint64_t{number}; }
  dump_text& address(const void* which) noexcept { return address(reinterpret_cast<std::uintptr_t>(which)); }
  dump_text& address(std::uint64_t which) noexcept { return *this << "0x" << as_hex{which}; }
  /// `file:line`, the address of a function, or that it is not known.
  dump_text& operator<<(site_word site) noexcept {
    if (!site.is_known()) return *this << "?";
    if (site.is_function()) return (*this << "callback=").address(site.address());
    const char* name = site.file();
    if (name[0] == '\0') return *this << "?";
    for (std::size_t i = 0; i < longest_name && name[i] != '\0'; ++i) add(name[i] >= ' ' ? name[i] : '?');
    if (site.line() != 0) *this << ":" << site.line();
    return *this;
  }
  /// Since when, in seconds; `exactly`, or at most that long.
  dump_text& age(std::int64_t since_ns, bool exactly) noexcept {
    const std::int64_t ns = now_ns_ > since_ns ? now_ns_ - since_ns : 0;
    return *this << (exactly ? " for=" : " for<=") << seconds{ns};
  }
  /// How long it is until then.
  dump_text& time_left(std::int64_t until_ns) noexcept {
    if (until_ns > now_ns_) return *this << " left=" << seconds{until_ns - now_ns_};
    return *this << " overdue=" << seconds{now_ns_ - until_ns};
  }

  [[nodiscard]] int finish() noexcept {
    flush();
    return failed_;
  }

 private:
  static constexpr std::size_t longest_name = 200;
  struct as_hex {
    std::uint64_t number;
  };
  struct seconds {
    std::int64_t ns;
  };

  dump_text& operator<<(as_hex hex) noexcept {
    if (hex.number >= 16) *this << as_hex{hex.number / 16};
    add("0123456789abcdef"[hex.number % 16]);
    return *this;
  }
  dump_text& operator<<(seconds time) noexcept {
    const auto ms = static_cast<std::uint64_t>(time.ns / 1'000'000);
    *this << ms / 1'000 << ".";
    for (std::uint64_t digit = 100; digit != 0; digit /= 10) add(static_cast<char>('0' + ms / digit % 10));
    return *this << "s";
  }
  void add(char next) noexcept {
    if (used_ == room_.size()) flush();
    room_[used_++] = next;
  }
  void flush() noexcept {
    if (failed_ == 0) failed_ = os::write_all(descriptor_, room_.data(), used_);
    used_ = 0;
  }

  const int descriptor_;
  const std::int64_t now_ns_;
  int failed_ = 0;
  std::size_t used_ = 0;
  std::array<char, 512> room_;
};

/// `queued=12`, and a line each for the oldest: what is queued stays so while it is looked at.
void pool_core::dump_queued(dump_text& into, const char* where, queue& of) noexcept {
  std::array<site_word, most_named> oldest;
  std::size_t seen = 0;
  const auto note = [&](const task& queued) {
    if (seen < oldest.size()) oldest[seen] = site_of(queued);
    ++seen;
  };
  bool looked = false;
  for (int i = 0; i < most_tries && !looked; ++i) {
    looked = of.look(most_counted, note);
    if (!looked) system_policy::pause();
  }
  into << " " << where << "=";
  if (!looked) {
    into << "busy";
    return;
  }
  into << std::uint64_t{seen} << (seen == most_counted ? "+" : "");
  for (std::size_t i = 0; i < seen && i < oldest.size(); ++i) into << (i == 0 ? " next=" : ",") << oldest[i];
}

void pool_core::dump_pool(dump_text& into) noexcept {
  const sync_state now = sync().look();
  (into << "pool ").address(this);
  into << " name=" << (config_.name != nullptr ? config_.name : "treadle") << " state=" << name_of(now.life());
  if (is_inherited()) {
    into << " inherited_by_fork\n";
    return;
  }
  into << " width=" << limits().width << " limit=" << limits().limit << " threads=" << now.total()
       << " active=" << now.active() << " parked=" << now.idle() << " blocked=" << now.blocked()
       << " start_failures=" << start_failures() << "\nqueues";
  dump_queued(into, "injected", injected());
  std::size_t timers = 0;
  bool all_counted = true;
  wheel* const table = wheels();
  for (std::uint32_t i = 0; table != nullptr && i < wheel_count(); ++i) {
    bool counted = false;
    for (int tried = 0; tried < most_tries && !counted; ++tried) {
      counted = table[i].add_count(timers);
      if (!counted) system_policy::pause();
    }
    all_counted = all_counted && counted;
  }
  into << " timers=" << std::uint64_t{timers} << (all_counted ? "" : "+") << " descriptors=" << source_count()
       << " standing_in=" << takers_standing_in() << "\n";
}

void pool_core::dump_worker(dump_text& into, pool_record& worker) noexcept {
  const worker_face& face = worker.face;
  // In this order: what runs now began after the stamp. E-FACE
  const std::uint64_t stamped_at = face.stamped_at.load(std::memory_order_acquire);
  const std::int64_t stamped_ns = face.stamped_ns.load(std::memory_order_relaxed);
  std::uint64_t ran = 0;
  const std::uint64_t running = worker.count_running(ran);
  const auto does = static_cast<activity>(worker.doing.load(std::memory_order_acquire) & 3);  // E-DOING
  const sign_text blocked = face.blocked.read();
  into << "worker " << worker.index;
  if (worker.state.load(std::memory_order_acquire) != record_state::live || does == activity::gone) {  // E-RECORD
    into << " gone";
  } else if (blocked.kind != wait_kind::nothing) {
    into << " blocked in=" << name_of(blocked.kind);
    if (site_word(blocked.site).is_known()) into << " of=" << site_word(blocked.site);
    into.age(blocked.since_ns, true);
  } else if (does == activity::in_branch) {
    into << " runs stolen_fork";
    into.age(stamped_ns, true);
  } else if (running == 0) {
    into << (does == activity::parked ? " parked" : " searches");
    into.age(stamped_ns, does == activity::parked);
  }
  if (running != 0) {
    into << " runs " << site_word(face.runs.load(std::memory_order_relaxed));
    into.age(stamped_ns, ran + running - stamped_at <= 1);
    if (running > 1) into << " depth=" << running;
  }
  const std::size_t kept = worker.upcoming.is_empty() ? 0 : 1;
  into << " ran=" << ran << " ring=" << std::uint64_t{worker.own.made.size() + worker.own.taken.size() + kept};
  dump_queued(into, "overflow", worker.own.overflow);
  into << " forks=" << worker.shared_forks() << "\n";
}

void pool_core::dump_signs(dump_text& into) const noexcept {
  std::array<std::uint64_t, static_cast<std::size_t>(wait_kind::count)> coroutines{};
  std::uint64_t all = 0, shown = 0;
  for (std::size_t i = 0; const wait_sign* const each = sign_at(i); ++i) {
    const sign_text text = each->read();
    if (text.kind == wait_kind::nothing || text.pool != this) continue;
    const wait_kind kind = without_thread(text.kind);
    const site_word site(text.site);
    if (is_of_thread(text.kind)) {
      into << "thread " << text.detail << " waits=" << name_of(kind);
      if (site.is_known()) into << " of=" << site;
      into.age(text.since_ns, true);
      into << "\n";
      continue;
    }
    ++coroutines[static_cast<std::size_t>(kind)];
    ++all;
    if (shown == most_lines) continue;
    ++shown;
    into << "coroutine " << site << " waits=" << name_of(kind);
    if (kind == wait_kind::sleep) {
      into.time_left(static_cast<std::int64_t>(text.detail));
    } else if (kind == wait_kind::readable || kind == wait_kind::writable || kind == wait_kind::file) {
      into << " descriptor=" << text.detail;
    } else if (kind == wait_kind::branches) {
      into << " count=" << text.detail;
    } else {
      (into << " at=").address(text.detail);
    }
    into.age(text.since_ns, false);
    into << "\n";
  }
  into << "coroutines waiting=" << all << " listed=" << shown;
  for (std::size_t kind = 0; kind < coroutines.size(); ++kind) {
    if (coroutines[kind] != 0) into << " " << name_of(static_cast<wait_kind>(kind)) << "=" << coroutines[kind];
  }
  into << "\n";
}

std::error_code pool_core::dump(int descriptor) noexcept {
  dump_text text(descriptor);
  if (start_state_.load(std::memory_order_acquire) != start_state::started) {  // E-START
    (text << "pool ").address(this) << " state=not_started\n";
  } else {
    dump_pool(text);
    const std::uint32_t count = is_inherited() ? 0 : workers().count();
    for (std::uint32_t i = 0; i < count; ++i) {
      record* const worker = workers().at(i);
      if (worker != nullptr) dump_worker(text, static_cast<pool_record&>(*worker));
    }
    if (!is_inherited()) dump_signs(text);
  }
  text << "end\n";
  return {-text.finish(), std::system_category()};
}

}  // namespace treadle::detail
