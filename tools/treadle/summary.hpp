#pragma once

#include "job.hpp"

#include <chrono>
#include <string>

namespace tool {

/// The bar on standard error: files, bytes, MB/s, time left. Main thread only.
class progress_bar {
 public:
  progress_bar(job& work, bool is_shown) noexcept : work_(work), is_shown_(is_shown) {}

  /// Draws it anew if its time has come.
  void update();
  /// Takes it away.
  void finish();

 private:
  [[nodiscard]] std::string draw(double seconds) const;

  job& work_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point drawn_{};
  bool is_shown_;
};

/// What a run took, for --stats and --json.
struct summary {
  summary(const job& work, const treadle::thread_pool& pool, std::chrono::steady_clock::time_point start);

  [[nodiscard]] std::string as_text() const;
  [[nodiscard]] std::string as_json() const;

  std::uint64_t files;
  std::uint64_t failed;
  std::uint64_t mismatches;
  std::uint64_t bytes;
  double wall_seconds;
  double user_seconds;
  double system_seconds;
  std::uint64_t peak_kib;
  std::uint32_t worker_limit;
  bool is_check;
  treadle::pool_stats pool;
};

}  // namespace tool
