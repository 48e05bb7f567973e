#include "fork_rows.hpp"
#include "row_parts.hpp"

namespace bench {

namespace {

const words rivals{"treadle", "tbb", "openmp", "libomp", "rayon"};

class algorithm_row_maker {
 public:
  algorithm_row_maker(const row_options& options, std::vector<row>& rows) : options_(options), rows_(rows) {}

  void make() {
    loops();
    for (const char* bits : {"32", "64"}) {
      numbers("reduce", bits, "sum of 32 M random numbers", {number("n", 32'000'000, 3'200'000), "reps=3"});
      numbers("scan", bits, "inclusive scan of 32 M random numbers in place",
              {number("n", 32'000'000, 3'200'000), "reps=1"});
      for (const char* order : {"random", "sorted", "few"}) sort(bits, order);
    }
  }

 private:
  [[nodiscard]] std::string number(const char* key, unsigned long full, unsigned long quick) const {
    return std::string(key) + "=" + std::to_string(options_.quick ? quick : full);
  }

  void add(const std::string& name, const std::string& title, std::vector<metric> metrics, words arguments,
           std::vector<bar> bars) {
    words bare{"peer_raw"};
    bare.insert(bare.end(), arguments.begin(), arguments.end());
    arguments.emplace_back("workers=2");
    std::vector<contender> all = peers(rivals, arguments);
    all.push_back({"serial", std::move(bare), true});
    rows_.push_back({name, title, std::move(metrics), std::move(all), std::move(bars)});
  }

  void loops() {
    const metric wall_us{"wall_ns", "wall", "us", 1e-3, ""}, cpu_us{"cpu_ns", "CPU", "us", 1e-3, ""};
    const metric over{"wall_ns", "wall over serial", "us", 1e-3, "serial"};
    add("loop/short", "parallel_for of 1,000 indices with an opaque body, on a worker, a loop", {wall_us, cpu_us, over},
        {"short_loops", number("loops", 1000, 100), "n=1000"}, {{over.label, 1000, ""}});
    // 64 bodies of 100 us on two workers: 3.2 ms at best.
    add("loop/long", "parallel_for of 64 indices with bodies of 100 us, a loop", {wall_us, cpu_us},
        {"long_bodies", number("loops", 10, 3), "body_us=100"}, {{"wall_ns", 3.2e6 / 0.85, ""}});
    add("loop/tiny", "parallel_for of 1 M indices with an opaque body, a loop", {wall_us, cpu_us},
        {"short_loops", number("loops", 20, 3), "n=1000000"}, {{"wall_ns", 1, "openmp"}});
  }

  void numbers(const std::string& what, const std::string& bits, const std::string& title, words arguments) {
    arguments.insert(arguments.begin(), what);
    arguments.push_back("bits=" + bits);
    add("number/" + what + "/" + bits, title + " of " + bits + " bits", {wall_ms, cpu_ms, peak}, std::move(arguments),
        against_all());
  }

  void sort(const std::string& bits, const std::string& order) {
    const std::string title = order == "few"      ? "numbers, 16 distinct ones"
                              : order == "sorted" ? "sorted numbers"
                                                  : "random numbers";
    add("number/sort/" + bits + "/" + order, "sort of 10 M " + title + " of " + bits + " bits", {wall_ms, cpu_ms, peak},
        {"sort", number("n", 10'000'000, 1'000'000), "reps=0", "bits=" + bits, "order=" + order}, against_all());
  }

  static std::vector<bar> against_all() {
    std::vector<bar> bars;
    for (const std::string& rival : rivals) {
      if (rival != "treadle") bars.push_back({"wall_ns", 1, rival});
    }
    return bars;
  }

  const row_options& options_;
  std::vector<row>& rows_;
};

}  // namespace

void add_algorithm_rows(const row_options& options, std::vector<row>& rows) {
  algorithm_row_maker(options, rows).make();
}

}  // namespace bench
