#include "rows.hpp"

#include "fork_rows.hpp"
#include "http_rows.hpp"
#include "io_rows.hpp"
#include "row_parts.hpp"

namespace bench {

namespace {

class row_maker {
 public:
  explicit row_maker(const row_options& options)
      : options_(options), workers_("workers=" + std::to_string(options.workers)) {}

  std::vector<row> make() && {
    floors();
    empty_tasks();
    wakes();
    trickle();
    quicksort();
    add_fork_rows(options_, rows_);
    add_algorithm_rows(options_, rows_);
    add_io_rows(options_, rows_);
    add_http_rows(options_, rows_);
    idle();
    hash();
    return std::move(rows_);
  }

 private:
  [[nodiscard]] std::string count(const char* key, unsigned long n) const {
    return std::string(key) + "=" + std::to_string(options_.quick ? n / 10 : n);
  }

  void floors() {
    const auto add = [&](const char* name, const char* title) {
      rows_.push_back({std::string("floor/") + name,
                       title,
                       {wall, cpu},
                       {{"raw", {"peer_raw", std::string("floor_") + name}, true}},
                       {}});
    };
    add("push", "floor: link one task into a lock-free stack, nobody takes it");
    add("rmw", "floor: one uncontended atomic addition");
    add("pingpong", "floor: a cache line from one processor to the other, one way");
    add("futex_wake", "floor: a futex wake with nobody asleep");
  }

  void empty_tasks() {
    const words all{"treadle", "seed", "asio", "tbb", "rayon", "tokio", "go"};
    const std::string n = count("n", 1'000'000);
    rows_.push_back({"empty/outside",
                     "1 M empty tasks, one producer outside, one by one",
                     {wall, cpu, peak},
                     peers(all, {"empty_outside", n, workers_}),
                     {{"wall_ns", 25, ""}, {"cpu_ns", 40, ""}}});
    rows_.push_back({"empty/outside64",
                     "1 M empty tasks of 64 bytes each, one producer outside, one by one",
                     {wall, cpu, peak},
                     peers({"treadle", "seed"}, {"empty_outside", n, workers_, "task_bytes=64"}),
                     {{"wall_ns", 25, ""}, {"cpu_ns", 40, ""}}});
    rows_.push_back({"empty/batch",
                     "1 M empty tasks from outside in batches of 1,000, linking included",
                     {wall, cpu, peak},
                     peers({"treadle", "seed"}, {"empty_batch", n, workers_}),
                     {{"wall_ns", 8, ""}}});
    words with_openmp = all;
    with_openmp.push_back("openmp");
    rows_.push_back({"empty/spawned",
                     "1 M empty tasks spawned by one task",
                     {wall, cpu, peak},
                     peers(with_openmp, {"empty_spawned", n, workers_}),
                     {{"wall_ns", 12, ""}, {"cpu_ns", 20, ""}}});
  }

  void wakes() {
    const struct {
      const char* name;
      const char* us;
      unsigned long samples;
    } idles[] = {{"20us", "20", 1000}, {"500us", "500", 500}, {"5ms", "5000", 300}};
    for (const char* pin : {"none", "same", "across"}) {
      for (const auto& idle : idles) {
        for (const char* sleepers : {"1", "2"}) wake(pin, idle.name, idle.us, idle.samples, sleepers);
      }
    }
  }

  void wake(const std::string& pin, const std::string& idle, const std::string& us, unsigned long samples,
            const std::string& sleepers) {
    words names{"treadle", "raw", "seed", "asio"};
    if (pin == "none" && idle == "500us" && sleepers == "2") names.insert(names.end(), {"tbb", "rayon", "tokio", "go"});
    const std::string where = pin == "none"   ? "unpinned"
                              : pin == "same" ? "all on one processor"
                                              : "workers on the other processor";
    rows_.push_back(
        {"wake/" + pin + "/" + idle + "/" + sleepers,
         "submit to start, idle for " + idle + ", " + sleepers + " asleep, " + where,
         {{"p50_ns", "p50", "us", 1e-3, ""}, {"p99_ns", "p99", "us", 1e-3, ""}, {"cpu_ns", "CPU", "us", 1e-3, ""}},
         peers(names, {"wake", "pin=" + pin, "idle_us=" + us, "workers=" + sleepers, count("samples", samples)}),
         {{"p50_ns", 1.15, "raw"}, {"p99_ns", 1.5, "raw"}}});
  }

  void trickle() {
    const std::string n = count("n", 20'000);
    std::vector<contender> all =
        peers({"treadle", "raw", "seed", "asio", "tbb", "rayon", "tokio", "go"}, {"trickle", n, workers_});
    all.push_back({"inline", {"peer_raw", "trickle_inline", n}, true});
    rows_.push_back({"trickle",
                     "20,000 tasks of 5 us, one each 100 us: CPU a task over running them inline",
                     {{"cpu_ns", "CPU over inline", "us", 1e-3, "inline"}, {"cpu_ns", "CPU", "us", 1e-3, ""}, peak},
                     std::move(all),
                     {{"cpu_ns", 1.2, "raw"}, {"cpu_ns", 1.0, "asio"}}});
  }

  void quicksort() {
    const std::string n = count("n", 10'000'000);
    std::vector<contender> all = peers({"treadle", "seed", "asio", "tbb", "openmp", "rayon", "tokio", "go"},
                                       {"quicksort", n, "reps=1", workers_});
    all.push_back({"scheduled", {"peer_treadle", "quicksort_scheduled", n, "reps=1", workers_}, true});
    all.push_back({"bound", {"peer_raw", "quicksort_bound", n, "reps=1"}, true});
    all.push_back({"serial", {"peer_raw", "quicksort_serial", n, "reps=1"}, true});
    all.push_back({"serial_rust", {"peer_rayon", "quicksort_serial", n, "reps=1"}, true});
    rows_.push_back({"quicksort",
                     "quicksort of 10 M 32-bit integers, its halves forked or spawned down to 32 elements",
                     {wall_ms, cpu_ms, peak},
                     std::move(all),
                     {{"wall_ns", 1 / 0.97, "bound"}}});
  }

  void idle() {
    const std::string ms = options_.quick ? "ms=1000" : "ms=10000";
    rows_.push_back(
        {"idle",
         "idle for 10 s after work: CPU and context switches of the pool's threads",
         {{"idle_cpu_ms", "CPU", "ms", 1, ""}, {"switches", "switches", "", 1, ""}, peak},
         peers({"treadle", "seed", "asio", "tbb", "openmp", "rayon", "tokio", "go"}, {"idle", ms, workers_}),
         {{"idle_cpu_ms", 0, ""}, {"switches", 0, ""}},
         true,
         false});
  }

  void hash() {
    const std::string small = options_.data + "/small";
    const std::string medium = options_.data + "/medium";
    const std::string big = options_.data + "/big";
    const auto contenders = [&](const words& paths) {
      words ours{options_.tool, "hash"};
      words theirs{"peer_evp"};
      words coreutils{"sh", "-c", "find \"$@\" -type f -print0 | xargs -0 -P2 -n256 sha256sum", "sh"};
      for (words* each : {&ours, &theirs, &coreutils}) each->insert(each->end(), paths.begin(), paths.end());
      return std::vector<contender>{{"treadle", ours, false}, {"evp", theirs, false}, {"coreutils", coreutils, false}};
    };
    const std::vector<metric> metrics{wall_ms, cpu_ms, peak};
    rows_.push_back({"hash/small",
                     "treadle hash: many small files, warm cache",
                     metrics,
                     contenders({small}),
                     {{"wall_ns", 1 / 1.05, "evp"}},
                     false,
                     true});
    rows_.push_back({"hash/medium",
                     "treadle hash: files of 1 MiB, warm cache",
                     metrics,
                     contenders({medium}),
                     {{"wall_ns", 1 / 0.98, "evp"}},
                     false,
                     true});
    std::vector<contender> with_bound = contenders({big, small});
    with_bound.push_back({"bound", {"peer_evp", "--bound", big, small}, true});
    rows_.push_back({"hash/big",
                     "treadle hash: one big file beside many small ones, warm cache",
                     metrics,
                     std::move(with_bound),
                     {{"wall_ns", 1.05, "bound"}},
                     false,
                     true});
  }

  const row_options& options_;
  std::string workers_;
  std::vector<row> rows_;
};

}  // namespace

std::vector<row> make_rows(const row_options& options) { return row_maker(options).make(); }

}  // namespace bench
