// Random conversations over sockets, pipes and files for a given time: resets, time-outs, requests to stop, pools that
// are shut down under all of it. No handle, no object and no thread may be left. Options: --seconds N, --workers MOST,
// --state FILE (totals, resumed), --report FILE.
#include "footprint.hpp"
#include "io_conversations.hpp"
#include "options.hpp"
#include "replace_file.hpp"

#include <treadle/io/backend.hpp>

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace treadle::test {
namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// Ends the process, after a dump, if a round takes far too long.
class watchdog {
 public:
  watchdog() : thread_([this] { watch(); }) {}
  ~watchdog() {
    watch_over(nullptr, true);
    thread_.join();
  }
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  void watch_over(thread_pool* pool, bool ends = false) {
    const std::lock_guard lock(mutex_);
    pool_ = pool;
    ends_ = ends;
    since_ = clock::now();
    changed_.notify_all();
  }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    while (!ends_) {
      changed_.wait_for(lock, 1s);
      if (pool_ == nullptr || clock::now() - since_ < 2min) continue;
      std::cout << "io soak: a round hangs\n" << std::flush;
      pool_->dump(STDOUT_FILENO);
      std::abort();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  thread_pool* pool_ = nullptr;
  bool ends_ = false;
  clock::time_point since_;
  std::thread thread_;
};

/// Totals by name, kept in a file between slices.
struct io_totals {
  std::map<std::string, std::uint64_t> of;

  void load(const std::string& path) {
    std::ifstream in(path);
    std::string name;
    for (std::uint64_t value = 0; in >> name >> value;) of[name] = value;
  }
  [[nodiscard]] bool save(const std::string& path) const {
    return replace_file(path, [this](std::ostream& out) {
      for (const auto& [name, value] : of) out << name << ' ' << value << '\n';
    });
  }
  [[nodiscard]] bool report(const std::string& path) const {
    std::ofstream out(path);
    const char* between = "{\n";
    for (const auto& [name, value] : of) {
      out << between << "  \"" << name << "\": " << value;
      between = ",\n";
    }
    out << "\n}\n";
    return static_cast<bool>(out.flush());
  }
};

class io_slice {
 public:
  explicit io_slice(const soak_options& asked) : asked_(asked), random_(run_seed()) {}

  void run() {
    const auto begin = clock::now();
    for (int i = 0; i < 4; ++i) round();
    const footprint before = footprint::now();
    do {
      round();
      const footprint after = footprint::now();
      expect(after.handles == before.handles, "handles are left");
      expect(after.threads == before.threads, "threads are left");
      expect(after.objects == before.objects, "objects are left");
      if (counts_.failures != 0) print_growth(std::cout, before, after);
    } while (clock::now() < begin + asked_.length && counts_.failures == 0);
    const footprint after = footprint::now();
    print_growth(std::cout, before, after);
    expect(after.kib < before.kib + before.kib / 8 + 8192, "memory grows");
    milliseconds_ = static_cast<std::uint64_t>((clock::now() - begin) / 1ms);
  }

  void add_to(io_totals& totals) const {
    totals.of["slices"] += 1;
    totals.of["milliseconds"] += milliseconds_;
    totals.of["rounds"] += rounds_;
    totals.of["cut_short"] += counts_.cut_short;
    totals.of["failures"] += counts_.failures;
    for (std::size_t i = 0; i < fate_names.size(); ++i) totals.of[fate_names[i]] += counts_.ends[i];
  }
  [[nodiscard]] bool is_right() const { return counts_.failures == 0; }

 private:
  /// On a thread of its own, which takes what it keeps for itself along.
  void round() {
    const std::uint64_t seed = random_.next();
    ++rounds_;
    std::thread([this, seed] {
      random_source random(seed);
      conversations all(counts_, random.next(), static_cast<std::uint32_t>(1 + random.below(asked_.workers)));
      dog_.watch_over(&all.pool());
      if (rounds_ % 3 != 0) {
        all.run(200 + random.below(400));
      } else {
        all.cut_short(200 + random.below(400));
      }
      all.finish();
      dog_.watch_over(nullptr);
    }).join();
    if (counts_.failures != 0) std::cout << "in round " << rounds_ << ", of seed " << seed << '\n';
  }

  void expect(bool holds, const char* what) {
    if (!holds) counts_.fail(what);
  }

  const soak_options& asked_;
  random_source random_;
  conversation_counts counts_;
  watchdog dog_;
  std::uint64_t rounds_ = 0, milliseconds_ = 0;
};

/// Each conversation takes some descriptors.
void allow_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(setrlimit(RLIMIT_NOFILE, &limit));
}

}  // namespace
}  // namespace treadle::test

int main(int argc, char** argv) {
  using namespace treadle::test;
  mallopt(M_ARENA_MAX, 2);  // memory that threads keep for themselves is no leak, but looks like one
  const soak_options asked = soak_options::from(argc, argv);
  allow_descriptors();
  const treadle::io::backend& here = treadle::io::current_backend();
  const char* const wish = std::getenv("TREADLE_IO");
  const bool wants_rings = wish != nullptr && std::string(wish) == "uring";
  if (wants_rings && here.rings != treadle::io::backend::rings_for::everything) {
    std::cout << "skipped: no io_uring here\n";
    return 77;  // what would be counted as waits in rings would be none
  }
  std::cout << treadle::io::describe(here) << '\n';
  io_totals totals;
  if (!asked.state.empty()) totals.load(asked.state);
  bool right = true;
  {
    io_slice slice(asked);
    slice.run();
    slice.add_to(totals);
    right = slice.is_right();
  }
  if (!asked.state.empty()) right = totals.save(asked.state) && right;
  if (!asked.report.empty()) right = totals.report(asked.report) && right;
  for (const auto& [name, value] : totals.of) std::cout << name << ' ' << value << ", ";
  std::cout << "in all\n";
  return right ? 0 : 1;
}
