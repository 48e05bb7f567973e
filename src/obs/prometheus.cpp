#include <treadle/obs/prometheus.hpp>
#include <treadle/pool_stats.hpp>
#include <treadle/worker_stats.hpp>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace treadle::obs {

namespace {

struct counter {
  std::string_view name;
  std::string_view help;
  std::uint64_t worker_stats::*of;
};

constexpr counter counters[] = {
    {"tasks_run", "Tasks that have been run.", &worker_stats::tasks_run},
    {"steals", "Times that a worker took tasks from another.", &worker_stats::steals},
    {"tasks_stolen", "Tasks that a worker took from another's ring.", &worker_stats::tasks_stolen},
    {"failed_steals", "Rounds over all victims without a find.", &worker_stats::failed_steals},
    {"steal_retries", "Compare-exchanges lost while stealing.", &worker_stats::steal_retries},
    {"parks", "Times that a worker ran out of work.", &worker_stats::parks},
    {"wakes", "Times that a worker was woken.", &worker_stats::wakes},
    {"spins", "Times that spinning found work before a park.", &worker_stats::spins},
    {"tasks_overflowed", "Tasks that did not fit a worker's ring.", &worker_stats::tasks_overflowed},
    {"blocking_sections", "Times that a task blocked its worker.", &worker_stats::blocking_sections},
    {"forks_exposed", "Branches of a fork_join that others could take.", &worker_stats::forks_exposed},
    {"forks_stolen", "Branches that another worker has run.", &worker_stats::forks_stolen},
    {"timers_expired", "Timers whose tasks a worker has brought.", &worker_stats::timers_expired},
    {"io_ticks", "Looks of a worker into the pool's driver.", &worker_stats::io_ticks},
    {"io_completions", "Operations and coroutines that a worker found ready.", &worker_stats::io_completions},
};

/// A label's value, with what the format wants escaped.
std::string escaped(std::string_view text) {
  std::string made;
  for (const char each : text) {
    if (each == '\\' || each == '"') made += '\\';
    if (each == '\n') {
      made += "\\n";
    } else {
      made += each;
    }
  }
  return made;
}

class exposition {
 public:
  exposition(std::string_view pool, std::ostream& into) : label_("pool=\"" + escaped(pool) + "\""), into_(into) {}

  void head(std::string_view name, std::string_view help, std::string_view type) {
    into_ << "# HELP treadle_" << name << " " << help << "\n# TYPE treadle_" << name << " " << type << "\n";
  }
  void value(std::string_view name, const std::string& more, std::uint64_t number) {
    // Not by the stream: it may put thousands apart.
    into_ << "treadle_" << name << "{" << label_ << more << "} " << std::to_string(number) << "\n";
  }
  void single(std::string_view name, std::string_view help, std::string_view type, std::uint64_t number) {
    head(name, help, type);
    value(name, "", number);
  }

 private:
  const std::string label_;
  std::ostream& into_;
};

}  // namespace

void prometheus(const thread_pool& pool, std::ostream& into) {
  const char* const name = pool.core().config().name;
  exposition text(name != nullptr ? name : "treadle", into);
  const pool_stats all = pool.stats();
  std::vector<worker_stats> workers;
  workers.reserve(all.workers);
  for (std::uint32_t i = 0; i < all.workers; ++i) workers.push_back(pool.stats_of(i));
  for (const counter& each : counters) {
    const std::string full = std::string(each.name) + "_total";
    text.head(full, each.help, "counter");
    for (std::size_t i = 0; i < workers.size(); ++i) {
      text.value(full, ",worker=\"" + std::to_string(i) + "\"", workers[i].*each.of);
    }
  }
  text.single("threads_started_total", "Threads that were started.", "counter", all.threads_started);
  text.single("thread_start_failures_total", "Threads that the system refused.", "counter", all.thread_start_failures);
  text.single("threads", "Threads that exist.", "gauge", all.threads);
  text.single("threads_active", "Threads that run tasks or look for some.", "gauge", all.active);
  text.single("threads_parked", "Threads that sleep for want of work.", "gauge", all.parked);
  text.single("threads_blocked", "Threads whose task blocks.", "gauge", all.blocked);
  text.single("queued_in_rings", "Tasks in the workers' rings.", "gauge", all.queued_in_rings);
  text.single("queued_in_overflow", "Tasks behind the workers' rings.", "gauge", all.queued_in_overflow);
  text.single("queued_outside", "Whether tasks from outside are queued.", "gauge", all.queued_outside ? 1 : 0);
}

}  // namespace treadle::obs
