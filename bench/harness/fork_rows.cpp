#include "fork_rows.hpp"

#include "row_parts.hpp"

namespace bench {

namespace {

const metric over_plain{"cpu_ns", "CPU over a plain call", "ns", 1, "plain"};

class fork_row_maker {
 public:
  fork_row_maker(const row_options& options, std::vector<row>& rows) : options_(options), rows_(rows) {}

  void make() {
    for (const char* width : {"1", "2"}) {
      fib(width);
      skynet(width);
      tree_sum(width);
    }
    for (const char* width : {"2", "32"}) small_trees(width);
    entered_trees();
    work();
    for (const char* width : {"1", "4", "16", "64", "256"}) scaling(width);
  }

 private:
  [[nodiscard]] std::string number(const char* key, unsigned long full, unsigned long quick) const {
    return std::string(key) + "=" + std::to_string(options_.quick ? quick : full);
  }

  static words with(words command, const std::string& more) {
    command.push_back(more);
    return command;
  }

  static void append(std::vector<contender>& all, const std::vector<contender>& more) {
    all.insert(all.end(), more.begin(), more.end());
  }

  /// The two serial versions, and beside two workers what two processors can do at best.
  static std::vector<contender> bare(const std::string& width, const words& arguments) {
    std::vector<contender> result;
    for (const char* form : {"serial", "plain", "limit"}) {
      if (form == std::string("limit") && width != "2") continue;
      words command{"peer_raw"};
      command.insert(command.end(), arguments.begin(), arguments.end());
      command.push_back(std::string("form=") + form);
      result.push_back({form, std::move(command), true});
    }
    return result;
  }

  /// A fork costs others so much more that they get a smaller tree; the figures are those of one fork.
  void fib(const std::string& width) {
    const std::string big = number("n", 39, 30), small = number("n", 30, 24), workers = "workers=" + width;
    std::vector<contender> all = {{"treadle", {"peer_treadle_fib", "fib", big, "reps=1", workers}, true},
                                  {"asking", {"peer_treadle_fib", "fib_asking", big, "reps=1", workers}, true},
                                  {"shared", {"peer_treadle_shared", "fib_asking", big, "reps=1", workers}, true}};
    append(all, peers({"tbb", "openmp", "libomp", "rayon"}, {"fib", small, "reps=1", workers}));
    append(all, peers({"go"}, {"fib", number("n", 24, 20), "reps=1", workers}));
    all.push_back({"serial", {"peer_raw", "fib", big, "reps=1", "form=serial"}, true});
    all.push_back({"plain", {"peer_raw", "fib", big, "reps=1"}, true});
    std::vector<bar> bars{{over_plain.label, 1.5, ""}};
    if (width == "2") bars.push_back({"wall_ns", 0.7, "plain"});
    rows_.push_back(
        {"fork/fib/" + width,
         "fib(39), forked down to the leaves, the others fib(30), Go fib(24), a fork, with workers: " + width,
         {wall, cpu, over_plain},
         std::move(all),
         std::move(bars)});
  }

  void skynet(const std::string& width) {
    const std::string big = number("n", 100'000'000, 1'000'000), small = number("n", 1'000'000, 100'000);
    const std::string workers = "workers=" + width;
    std::vector<contender> all = peers({"treadle"}, {"skynet", big, "reps=1", workers});
    append(all, peers({"tbb", "openmp", "libomp", "rayon"}, {"skynet", small, "reps=1", workers}));
    append(all, bare(width, {"skynet", big, "reps=0"}));
    std::vector<bar> bars{{over_plain.label, 1.5, ""}};
    if (width == "2") bars.push_back({"wall_ns", 1, "serial"});
    rows_.push_back({"fork/skynet/" + width,
                     "skynet of 100 M leaves, ten a node, the others 1 M, a leaf, with workers: " + width,
                     {wall, cpu, over_plain},
                     std::move(all),
                     std::move(bars)});
  }

  void tree_sum(const std::string& width) {
    const words arguments{"tree_sum", number("depth", 24, 18), "reps=1"};
    std::vector<contender> all = peers({"treadle"}, with(arguments, "workers=" + width));
    append(all, peers({"tbb", "rayon"}, {"tree_sum", number("depth", 24, 18), "reps=0", "workers=" + width}));
    append(all, bare(width, arguments));
    std::vector<bar> bars;
    if (width == "1") bars.push_back({over_plain.label, 1, ""});
    if (width == "2") bars.push_back({"wall_ns", 1 / 0.95, "limit"});
    rows_.push_back({"fork/tree_sum/" + width,
                     "sum over a balanced tree of 16.8 M nodes in memory, a node, with workers: " + width,
                     {wall, cpu, over_plain},
                     std::move(all),
                     std::move(bars)});
  }

  void small_trees(const std::string& width) {
    const std::string many = number("n", 10'000, 1000), workers = "workers=" + width;
    std::vector<contender> all = peers({"treadle"}, {"small_trees", many, workers});
    append(all, peers({"tbb", "rayon"}, {"small_trees", number("n", 1000, 100), "reps=1", workers}));
    append(all, bare("1", {"small_trees", many}));
    rows_.push_back({"fork/small_trees/" + width,
                     "trees of 1,023 nodes on a worker, the others parked, a fork, with workers: " + width,
                     {wall, cpu, over_plain, {"wakes", "wakes", "", 1, ""}},
                     std::move(all),
                     {{over_plain.label, 1.0, ""}, {"wakes", 0, ""}}});
  }

  void entered_trees() {
    const words arguments{"entered_trees", number("n", 2000, 200), "workers=2"};
    std::vector<contender> all = peers({"treadle", "tbb", "openmp", "libomp", "rayon"}, arguments);
    append(all, bare("1", {"entered_trees", number("n", 2000, 200)}));
    rows_.push_back({"fork/entered",
                     "a tree of 1,023 nodes by a call into the pool from outside, a call",
                     {{"wall_ns", "wall", "us", 1e-3, ""}, {"cpu_ns", "CPU", "us", 1e-3, ""}},
                     std::move(all),
                     {}});
  }

  /// What a row of work runs: a workload and its arguments, and who takes part beside those in C++ and Rust.
  struct program {
    std::string name, offered, title;
    words arguments, others;
  };

  void work() {
    const program all[] = {
        {"queens", "queens", "all ways to put 13 queens on a board of 13 by 13", {number("n", 13, 10)}, {}},
        {"uts_t1", "uts", "unbalanced tree search T1, 4.1 M nodes, geometric", {"tree=1"}, {}},
        {"uts_t3", "uts", "unbalanced tree search T3, 4.1 M nodes, binomial", {"tree=3"}, {}},
        {"cilksort",
         "cilksort",
         "merge sort of 4 M 32-bit integers, merges split as well",
         {number("n", 4'000'000, 400'000)},
         {"go"}},
        {"matmul",
         "matmul",
         "product of matrices of 1,024 by 1,024 floats, divide and conquer",
         {number("n", 1024, 256)},
         {"go"}},
        {"strassen",
         "strassen",
         "product of matrices of 1,024 by 1,024 doubles by Strassen's rule",
         {number("n", 1024, 256)},
         {}},
        {"knapsack",
         "knapsack",
         "branch and bound with cancelling, 64 knapsacks of 46 items, 9.2 M nodes",
         {number("n", 64, 8)},
         {}},
    };
    for (const program& each : all) {
      if (each.name == "queens" || each.name == "cilksort" || each.name == "matmul") on_one_worker(each);
      on_two_workers(each);
    }
  }

  static words command_of(const program& what, const std::string& more) {
    words command{what.offered};
    command.insert(command.end(), what.arguments.begin(), what.arguments.end());
    command.push_back(more);
    return command;
  }

  void on_one_worker(const program& what) {
    std::vector<contender> all = peers({"treadle", "tbb", "rayon"}, with(command_of(what, "workers=1"), "reps=0"));
    append(all, bare("1", command_of(what, "reps=0")));
    rows_.push_back({"work/" + what.name + "/1",
                     what.title + ", with one worker",
                     {wall_ms, cpu_ms, peak},
                     std::move(all),
                     {{"wall_ns", 1.05, "plain"}}});
  }

  void on_two_workers(const program& what) {
    // So short for us that it is run more than once.
    const std::string reps = what.name == "knapsack" ? "reps=3" : "reps=0";
    std::vector<contender> all = peers({"treadle"}, with(command_of(what, "workers=2"), reps));
    append(all, peers({"tbb", "openmp", "libomp", "rayon"}, with(command_of(what, "workers=2"), "reps=0")));
    append(all, peers(what.others, with(command_of(what, "workers=2"), "reps=0")));
    append(all, bare("2", command_of(what, reps)));
    std::vector<metric> metrics{wall_ms, cpu_ms, peak};
    if (what.name == "knapsack") metrics.push_back({"nodes", "nodes", "k", 1e-3, ""});
    std::vector<bar> bars;
    if (what.name != "matmul") {
      bars.push_back({"wall_ns", 1 / 0.97, "limit"});
    } else {
      for (const char* peer : {"tbb", "openmp", "libomp", "rayon"}) bars.push_back({"wall_ns", 1.0, peer});
    }
    rows_.push_back({"work/" + what.name + "/2", what.title + ", with two workers", std::move(metrics), std::move(all),
                     std::move(bars)});
  }

  /// Far more workers than processors: what they do to each other must not grow with their number.
  void scaling(const std::string& width) {
    const words arguments{"queens", "n=12", "reps=0", "workers=" + width};
    constexpr double thousandth = 1e3 / 856189;
    rows_.push_back({"scaling/" + width,
                     "12 queens, 856,189 nodes, with workers: " + width + "; counters per 1,000 nodes",
                     {wall_ms,
                      cpu_ms,
                      {"wakes", "wakes", "", thousandth, ""},
                      {"steals", "steals", "", thousandth, ""},
                      {"failed_steals", "failed steals", "", thousandth, ""},
                      {"switches", "context switches", "", thousandth, ""},
                      peak},
                     peers({"treadle", "tbb", "openmp", "rayon"}, arguments),
                     {}});
  }

  const row_options& options_;
  std::vector<row>& rows_;
};

}  // namespace

void add_fork_rows(const row_options& options, std::vector<row>& rows) { fork_row_maker(options, rows).make(); }

}  // namespace bench
