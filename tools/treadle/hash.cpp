#include "hash.hpp"

#include "check_list.hpp"
#include "summary.hpp"
#include "text.hpp"
#include "work.hpp"

#include <fmt/format.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <system_error>
#include <vector>

namespace tool {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::uint32_t names_per_segment = 1024;

/// What the user named, before it becomes entries of the root.
struct named {
  std::string name;  ///< of a directory with the slash
  entry_kind kind = entry_kind::file;
  digest expected{};
};

/// A file that is opened must not become the standard output that somebody closed.
void fill_closed_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) std::_Exit(1);
  }
}

/// Takes as many descriptors as the system allows; returns how many directories may keep theirs.
std::int64_t raise_descriptor_limit(std::uint32_t workers) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
    if (raised.rlim_cur > limit.rlim_cur && ::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  // A worker needs one for its file and two on the way to it; some were there before us.
  const rlim_t needed = 16 + 4 * rlim_t{workers};
  return limit.rlim_cur <= needed ? 0
                                  : static_cast<std::int64_t>(std::min<rlim_t>((limit.rlim_cur - needed) / 2, 8192));
}

/// Finds out what the paths of the command line are, in the order in which they are printed.
std::vector<named> look_up(const hash_options& options, complaints& faults) {
  std::vector<named> all;
  for (const std::string& path : options.paths) {
    struct stat found;
    if (path == "-") {
      all.push_back({path, entry_kind::stream});
    } else if (::stat(path.c_str(), &found) != 0) {
      faults.unreadable(path, std::generic_category().message(errno));
    } else if (S_ISDIR(found.st_mode)) {
      all.push_back({path.back() == '/' ? path : path + '/', entry_kind::directory});
    } else {
      all.push_back({path, S_ISREG(found.st_mode) ? entry_kind::file : entry_kind::stream});
    }
  }
  std::sort(all.begin(), all.end(), [](const named& a, const named& b) { return a.name < b.name; });
  return all;
}

/// Says for each path whether it lies inside a directory that was named before.
std::vector<bool> find_nested(const std::vector<named>& all) {
  std::vector<bool> joins_previous(all.size());
  const std::string* outermost = nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    joins_previous[i] = outermost != nullptr && all[i].name.starts_with(*outermost);
    if (!joins_previous[i]) outermost = all[i].kind == entry_kind::directory ? &all[i].name : nullptr;
  }
  return joins_previous;
}

/// Makes entries of the root from some names.
segment* add_to_root(folder& root, const std::vector<named>& names) {
  std::size_t names_bytes = 0;
  for (const named& each : names) names_bytes += each.name.size() + 1;
  std::unique_ptr<segment> made = segment::make(root, names.size(), names_bytes);
  char* free = made->names.get();
  for (std::size_t i = 0; i < names.size(); ++i) {
    entry& each = made->entries[i];
    each.kind = names[i].kind;
    each.sum = names[i].expected;
    each.name_bytes = free;
    each.name_length = static_cast<std::uint32_t>(names[i].name.size());
    std::memcpy(free, names[i].name.c_str(), names[i].name.size() + 1);
    free += names[i].name.size() + 1;
    if (!root.work->options.is_unsorted) root.order.push_back(&each);
    root.has_children |= each.kind == entry_kind::directory;
  }
  made->held_bytes = static_cast<std::uint32_t>(sizeof(segment) + names.size() * sizeof(entry) + names_bytes);
  return append_segment(root, std::move(made));
}

/// Reads the check list into the root. Returns nothing if it cannot be read or holds no line of use.
struct list_summary {
  std::uint64_t lines = 0;
  std::uint64_t malformed = 0;
};

std::optional<list_summary> read_list(folder& root, std::vector<segment*>& segments, complaints& faults) {
  const std::string& list = root.work->options.check_list;
  const int fd = list == "-" ? STDIN_FILENO : ::open(list.c_str(), O_RDONLY | O_CLOEXEC);
  list_summary counted;
  check_parser parser;
  check_line read;
  std::vector<named> names;
  const auto add_line = [&](std::string_view text) {
    const check_parser::verdict found = parser.parse(text, read);
    if (found == check_parser::verdict::malformed) ++counted.malformed;
    if (found != check_parser::verdict::line) return;
    ++counted.lines;
    names.push_back({read.name, entry_kind::file, read.sum});
    if (names.size() < names_per_segment) return;
    segments.push_back(add_to_root(root, names));
    names.clear();
  };
  const int error = fd < 0 ? errno : for_each_line(fd, add_line);
  if (!names.empty()) segments.push_back(add_to_root(root, names));
  if (fd > STDIN_FILENO) ::close(fd);
  if (error != 0) faults.unreadable(list, std::generic_category().message(error));
  if (error == 0 && counted.lines == 0) faults.unreadable(list, "no properly formatted checksum lines found");
  if (error != 0 || counted.lines == 0) return std::nullopt;
  return counted;
}

void warn(complaints& faults, std::uint64_t count, const char* one, const char* many) {
  if (count > 0) faults.note(fmt::format("WARNING: {} {}", count, count == 1 ? one : many));
}

int fail_output(complaints& faults, int error) {
  faults.show_bar("");
  faults.note("standard output: " + std::generic_category().message(error));
  // At once: nobody would see what the workers still do.
  std::_Exit(1);
}

/// Feeds the workers and writes what they print until all is done.
void work_through(job& work, folder& root, const std::vector<segment*>& segments, std::vector<bool> joins_previous) {
  if (!work.options.is_unsorted) work.lines.start(root, std::move(joins_previous));
  work.workers.add_walk(root);
  std::error_code error = work.workers.feed();
  for (segment* const each : segments) {
    queue_files(AT_FDCWD, *each);
    if (!error) error = work.workers.feed();
  }
  if (error) {
    work.faults.note("the thread pool cannot work: " + error.message());
    std::_Exit(1);
  }
  if (work.workers.end_task(0)) work.sink.finish();
}

void write_until_finished(job& work, progress_bar& bar, bool shows_bar) {
  const std::chrono::milliseconds wait(shows_bar ? 100 : 60'000);
  while (!work.sink.write_what_is_there(wait)) bar.update();
  if (work.sink.error() != 0) fail_output(work.faults, work.sink.error());
}

bool wants_bar(const hash_options& options) {
  if (options.progress == progress_mode::automatic) return ::isatty(STDERR_FILENO) == 1;
  return options.progress == progress_mode::always;
}

std::string json_tail(const complaints& faults, const summary& taken, const std::optional<list_summary>& list) {
  std::string text = "\n],\"errors\":[";
  bool is_first = true;
  for (const complaints::record& each : faults.records()) {
    text += is_first ? "\n{" : ",\n{";
    is_first = false;
    append_json_path(text, each.path);
    text += ",\"message\":";
    append_json_string(text, each.message);
    text += '}';
  }
  text += is_first ? "]," : "\n],";
  if (list) text += fmt::format("\"malformed_lines\":{},", list->malformed);
  return text + "\"summary\":" + taken.as_json() + "}\n";
}

int run_on(treadle::thread_pool& pool, const hash_options& options, clock::time_point start) {
  output sink(STDOUT_FILENO);
  complaints faults(options.wants_json);
  job work(options, pool, sink, faults);
  const bool shows_bar = wants_bar(options);
  work.spare_fds = raise_descriptor_limit(pool.worker_limit());
  work.wants_sizes = pool.worker_limit() > 1 || shows_bar;

  folder* const root = make_root(work);
  std::vector<segment*> segments;
  std::vector<bool> joins_previous;
  std::optional<list_summary> list;
  if (options.is_check) {
    list = read_list(*root, segments, faults);
  } else if (const std::vector<named> all = look_up(options, faults); !all.empty()) {
    joins_previous = find_nested(all);
    segments.push_back(add_to_root(*root, all));
  }
  if (options.wants_json) sink.append("{\"algorithm\":\"sha256\",\"files\":[");
  progress_bar bar(work, shows_bar);
  work_through(work, *root, segments, std::move(joins_previous));
  write_until_finished(work, bar, shows_bar);
  bar.finish();
  // The last task may still be on its way out of what it told us through.
  if (const std::error_code error = pool.drain()) faults.note("the thread pool cannot rest: " + error.message());

  const summary taken(work, pool, start);
  if (options.wants_json) {
    sink.append(json_tail(faults, taken, list));
    sink.flush();
    if (sink.error() != 0) return fail_output(faults, sink.error());
  }
  if (list) {
    warn(faults, list->malformed, "line is improperly formatted", "lines are improperly formatted");
    warn(faults, taken.failed, "listed file could not be read", "listed files could not be read");
    warn(faults, taken.mismatches, "computed checksum did NOT match", "computed checksums did NOT match");
  }
  if (options.wants_stats) fmt::print(stderr, "{}", taken.as_text());
  return faults.count() == 0 && taken.mismatches == 0 ? 0 : 1;
}

}  // namespace

int run_hash(const hash_options& options) {
  const clock::time_point start = clock::now();
  fill_closed_descriptors();
  std::signal(SIGPIPE, SIG_IGN);  // a write that fails says so itself
  try {
    hasher::of_this_thread();
    treadle::pool_config config;
    config.max_threads = options.threads;
    config.name = "treadle-hash";
    treadle::thread_pool pool(config);
    if (const std::error_code error = pool.start()) {
      fmt::print(stderr, "treadle: the thread pool cannot start: {}\n", error.message());
      return 1;
    }
    return run_on(pool, options, start);
  } catch (const std::exception& error) {
    fmt::print(stderr, "treadle: {}\n", error.what());
    return 1;
  }
}

}  // namespace tool
