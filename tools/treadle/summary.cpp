#include "summary.hpp"

#include "text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace tool {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds redraw_time{100};

double seconds_since(clock::time_point start) { return std::chrono::duration<double>(clock::now() - start).count(); }

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80U;
}

std::string minutes(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

void progress_bar::update() {
  if (!is_shown_) return;
  const clock::time_point now = clock::now();
  if (now - drawn_ < redraw_time) return;
  drawn_ = now;
  work_.faults.show_bar(draw(seconds_since(start_)));
}

void progress_bar::finish() {
  if (!is_shown_) return;
  work_.faults.show_bar(draw(seconds_since(start_)));
  work_.faults.show_bar("");
}

std::string progress_bar::draw(double seconds) const {
  const counters& totals = work_.totals;
  const std::uint64_t files = totals.files_done;
  const std::uint64_t files_found = std::max<std::uint64_t>(totals.files_found, files);
  const auto bytes = static_cast<double>(totals.bytes_done);
  const auto bytes_found = std::max(static_cast<double>(totals.bytes_found), bytes);
  const bool is_known = work_.workers.is_walk_over();
  // Opening a file costs as much as hashing some kilobytes: so the share is right for small files, too.
  constexpr double bytes_per_file = 4096;
  const double work_found = bytes_found + bytes_per_file * static_cast<double>(files_found);
  const double share = work_found > 0 ? (bytes + bytes_per_file * static_cast<double>(files)) / work_found : 1;
  std::string text = fmt::format(
      "{} / {}{} files  {} / {}{}  {:.0f} MB/s", with_commas(files), with_commas(files_found), is_known ? "" : "+",
      human_bytes(bytes), human_bytes(bytes_found), is_known ? "" : "+", seconds > 0 ? bytes / seconds / 1e6 : 0);
  text += is_known && share > 0 ? "  ETA " + minutes(seconds / share - seconds) : "  ETA -:--";
  const std::size_t width = terminal_width();
  if (width > text.size() + 14) {
    const std::size_t room = std::min<std::size_t>(width - text.size() - 4, 30);
    const auto filled = std::min(room, static_cast<std::size_t>(share * static_cast<double>(room)));
    text = '[' + std::string(filled, '#') + std::string(room - filled, '.') + "] " + text;
  }
  if (text.size() >= width) text.resize(width - 1);
  return text;
}

summary::summary(const job& work, const treadle::thread_pool& ran_on, clock::time_point start)
    : files(work.totals.files_done - work.totals.unreadable_files),
      failed(work.faults.count()),
      mismatches(work.totals.mismatches),
      bytes(work.totals.bytes_done),
      wall_seconds(seconds_since(start)),
      worker_limit(work.workers.worker_limit()),
      is_check(work.options.is_check),
      pool(ran_on.stats()) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  user_seconds = seconds_of(used.ru_utime);
  system_seconds = seconds_of(used.ru_stime);
  peak_kib = static_cast<std::uint64_t>(used.ru_maxrss);
}

std::string summary::as_text() const {
  const double wall = std::max(wall_seconds, 1e-9);
  std::string text = fmt::format("files    {} hashed, {} unreadable", with_commas(files), with_commas(failed));
  if (is_check) text += fmt::format(", {} not as listed", with_commas(mismatches));
  text += fmt::format("\nbytes    {}\n", human_bytes(static_cast<double>(bytes)));
  text += fmt::format("time     {:.3f} s wall, {:.3f} s CPU ({:.3f} user, {:.3f} system)\n", wall_seconds,
                      user_seconds + system_seconds, user_seconds, system_seconds);
  text += fmt::format("speed    {:.0f} MB/s, {} files/s\n", static_cast<double>(bytes) / wall / 1e6,
                      with_commas(static_cast<std::uint64_t>(static_cast<double>(files) / wall)));
  text += fmt::format("memory   {:.1f} MiB at its peak\n", static_cast<double>(peak_kib) / 1024);
  text += fmt::format("threads  {} started, up to {} at a time\n", pool.threads_started, worker_limit);
  text += fmt::format("pool     {} tasks run, {} steals of {} tasks, {} parks, {} wakes\n", with_commas(pool.tasks_run),
                      with_commas(pool.steals), with_commas(pool.tasks_stolen), with_commas(pool.parks),
                      with_commas(pool.wakes));
  return text;
}

std::string summary::as_json() const {
  nlohmann::ordered_json made;
  made["files"] = files;
  made["unreadable"] = failed;
  if (is_check) made["mismatches"] = mismatches;
  made["bytes"] = bytes;
  made["wall_seconds"] = wall_seconds;
  made["cpu_seconds"] = user_seconds + system_seconds;
  made["peak_kib"] = peak_kib;
  made["pool"] = {{"threads_started", pool.threads_started},
                  {"worker_limit", worker_limit},
                  {"tasks_run", pool.tasks_run},
                  {"steals", pool.steals},
                  {"tasks_stolen", pool.tasks_stolen},
                  {"parks", pool.parks},
                  {"wakes", pool.wakes}};
  return made.dump();
}

}  // namespace tool
