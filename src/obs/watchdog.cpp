#include "../core/wait_names.hpp"
#include "../os/os.hpp"
#include "../os/stuck.hpp"
#include "site_names.hpp"
#include "wait_cycles.hpp"

#include <treadle/detail/pool_core.hpp>
#include <treadle/obs/watchdog.hpp>
#include <treadle/obs/write_trace.hpp>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace treadle::obs {

namespace os = detail::os;
using detail::activity;
using detail::pool_core;
using detail::pool_record;
using detail::system_policy;

namespace {

std::string seconds(std::int64_t ns) {
  const std::int64_t tenths = ns / 100'000'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

/// What was last seen of something that ought to move.
struct seen_before {
  std::uint64_t count = 0;
  std::int64_t since_ns = 0;
  bool reported = false;

  /// Returns for how long it has not moved; 0 if it has, or need not, or that was said already.
  std::int64_t stands_still(std::uint64_t now, bool ought_to_move, std::int64_t now_ns) noexcept {
    if (now != count || !ought_to_move || since_ns == 0) {
      *this = {now, now_ns, false};
      return 0;
    }
    return reported ? 0 : now_ns - since_ns;
  }
};

}  // namespace

/// The thread that looks.
class watchdog::guard {
 public:
  guard(thread_pool& pool, watchdog_options options) : pool_(pool), options_(std::move(options)), cycles_(pool.core()) {
    os::thread_options thread;
    thread.name = "watchdog";
    if (!os::start_thread(&thread_, &look_on, this, thread)) {
      throw std::system_error(EAGAIN, std::system_category(), "treadle::obs::watchdog");
    }
  }
  ~guard() {
    stops_.store(1, std::memory_order_relaxed);  // the thread touches nothing that depends on it
    system_policy::futex_wake(&stops_, 1);
    os::join_thread(thread_);
  }
  guard(const guard&) = delete;
  guard& operator=(const guard&) = delete;

  [[nodiscard]] std::uint64_t reports() const noexcept { return reports_.load(std::memory_order_relaxed); }

 private:
  static void look_on(void* argument) noexcept {
    guard& self = *static_cast<guard*>(argument);
    while (self.stops_.load(std::memory_order_relaxed) == 0) {
      system_policy::futex_wait(self.stops_, 0, detail::monotonic_ns() + self.options_.period.count());
      if (self.stops_.load(std::memory_order_relaxed) != 0) return;
      try {
        self.look();
      } catch (const std::exception& failed) {
        std::fprintf(stderr, "treadle: a watchdog cannot look: %s\n", failed.what());
      }
    }
  }

  void look() {
    pool_core& pool = pool_.core();
    if (!pool.is_started() || pool.is_inherited()) return;
    const std::int64_t now_ns = detail::monotonic_ns();
    std::uint64_t started = 0;
    workers_.resize(pool.workers().count());
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
      const pool_core::record* const worker = pool.workers().at(i);
      if (worker == nullptr) continue;
      started += worker->count.started.load(std::memory_order_relaxed);
      look_at(static_cast<const pool_record&>(*worker), workers_[i], now_ns);
    }
    for (const std::string& cycle : cycles_.look(names_)) report(cycle);
    const pool_stats now = pool.stats();
    const std::uint64_t queued = now.queued_in_rings + now.queued_in_overflow;
    const std::int64_t still_ns = queue_.stands_still(started, queued != 0 || now.queued_outside, now_ns);
    if (still_ns < options_.longest_standstill.count()) return;
    if (still_ns == 0) return;
    queue_.reported = true;
    report("no task was started for " + seconds(still_ns) + ", and " + std::to_string(queued) +
           " are queued with the workers" + (now.queued_outside ? ", some outside" : "") + ": " +
           std::to_string(now.active) + " of " + std::to_string(now.threads) + " threads run, " +
           std::to_string(now.parked) + " are parked, " + std::to_string(now.blocked) + " blocked");
  }

  void look_at(const pool_record& worker, seen_before& before, std::int64_t now_ns) {
    std::uint64_t ran = 0;
    const std::uint64_t running = worker.count_running(ran);
    // What waits by treadle's own means has given its place away, and a dump shows it.
    const bool waits = worker.face.blocked.read().kind != detail::wait_kind::nothing;
    const std::int64_t still_ns = before.stands_still(2 * ran + running, running != 0 && !waits, now_ns);
    if (still_ns == 0 || still_ns < options_.longest_task.count()) return;
    before.reported = true;
    const std::uint64_t site = worker.face.runs.load(std::memory_order_relaxed);
    std::string text = name_of(worker.index) + " runs " + text_of(site) + " for " + seconds(still_ns);
    const os::futex_sleep sleep = os::sleep_of(worker.face.thread_number.load(std::memory_order_relaxed));
    if (sleep.is_futex && sleep.owner == 0) text += ", blocked in a futex, owner unknown";
    if (sleep.owner != 0) text += ", blocked in a mutex that " + holder(sleep.owner) + " holds";
    report(text);
  }

  [[nodiscard]] static std::string name_of(std::uint32_t worker) { return "worker " + std::to_string(worker); }
  [[nodiscard]] std::string text_of(std::uint64_t site) {
    const site_name& name = names_.of(site);
    return name.full.empty() ? name.brief : name.full;
  }

  /// Names the thread: if it is a worker, by what it does.
  [[nodiscard]] std::string holder(std::uint32_t thread) {
    const pool_core& pool = pool_.core();
    for (std::uint32_t i = 0; i < pool.workers().count(); ++i) {
      const pool_core::record* const record = pool.workers().at(i);
      if (record == nullptr) continue;
      const auto& worker = static_cast<const pool_record&>(*record);
      if (worker.face.thread_number.load(std::memory_order_relaxed) != thread) continue;
      std::uint64_t ran = 0;
      const detail::wait_kind waits = worker.face.blocked.read().kind;
      if (worker.count_running(ran) == 0) return name_of(i) + " (which runs nothing)";
      std::string text = name_of(i) + " (which runs " + text_of(worker.face.runs.load(std::memory_order_relaxed));
      if (waits != detail::wait_kind::nothing) text += ", blocked in " + std::string(detail::name_of(waits));
      return text + ")";
    }
    return "thread " + std::to_string(thread);
  }

  void report(const std::string& what) {
    const char* const name = pool_.core().config().name;
    const std::string text = std::string("pool ") + (name != nullptr ? name : "treadle") + ": " + what;
    if (reports_.load(std::memory_order_relaxed) == 0 && !options_.trace_file.empty()) {
      std::ofstream into(options_.trace_file, std::ios::trunc | std::ios::binary);
      write_trace(pool_, into);
      if (!into.flush().good()) std::fprintf(stderr, "treadle: cannot write %s\n", options_.trace_file.c_str());
    }
    reports_.fetch_add(1, std::memory_order_relaxed);
    if (options_.on_stall != nullptr) {
      options_.on_stall(options_.context, text);
      return;
    }
    std::fprintf(stderr, "treadle: %s\n", text.c_str());
    static_cast<void>(pool_.dump(fileno(stderr)));
  }

  thread_pool& pool_;
  const watchdog_options options_;
  void* thread_ = nullptr;
  system_policy::atomic<std::uint32_t> stops_{0};
  system_policy::atomic<std::uint64_t> reports_{0};
  std::vector<seen_before> workers_;
  seen_before queue_;
  site_names names_;
  wait_cycles cycles_;
};

watchdog::watchdog(thread_pool& pool, watchdog_options options)
    : guard_(std::make_unique<guard>(pool, std::move(options))) {}

watchdog::~watchdog() = default;

std::uint64_t watchdog::reports() const noexcept { return guard_->reports(); }

}  // namespace treadle::obs
