#pragma once

#include "program.hpp"

#include <treadle/treadle.hpp>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace treadle::test::grammar {

/// Runs a program on pools, once, and says what was wrong.
class pool_run {
 public:
  pool_run(const program& meant, std::uint32_t workers);
  pool_run(const pool_run&) = delete;
  pool_run& operator=(const pool_run&) = delete;
  ~pool_run();

  /// Runs it to its end. Returns the faults that were found, a line each; empty is right.
  [[nodiscard]] std::string run();

  /// Makes `run` note the longest time between two ends of nodes. Its clock orders what a test might want unordered.
  void measure_stalls() noexcept { measures_stalls_ = true; }
  [[nodiscard]] std::uint64_t longest_stall_ns() const noexcept { return longest_stall_ns_.load(); }

  [[nodiscard]] std::uint64_t visited() const noexcept { return visited_.load(std::memory_order_acquire); }

 private:
  using result_future = future<std::uint64_t>;
  using futures = std::vector<std::pair<std::uint32_t, result_future>>;

  /// A node's state. What is no atomic is handed on by the pool alone, which the thread sanitizer watches.
  struct cell : task {
    pool_run* owner = nullptr;
    std::uint32_t index = 0;
    thread_pool* home = nullptr;
    std::uint64_t result = 0;
    bool accepted = false, given_back = false;
    std::uint32_t last_on_strand = 0;  ///< the last child that ran on the strand
    std::atomic<std::uint32_t> visits{0};
  };
  struct guarded_strand {
    explicit guarded_strand(thread_pool& pool) : runner(pool) {}
    strand runner;
    std::atomic<bool> inside{false};
  };

  [[nodiscard]] const node& at(std::uint32_t index) const { return meant_.nodes[index]; }
  std::uint64_t visit(std::uint32_t index, thread_pool& home);
  void start_all(std::uint32_t first, thread_pool& home, futures& later);
  void start(std::uint32_t index, thread_pool& home, futures& later);
  std::uint32_t start_batch(std::uint32_t first, thread_pool& home);
  void start_queued(std::uint32_t index, thread_pool& home);
  void start_on_strand(std::uint32_t index, thread_pool& home);
  result_future submit(std::uint32_t index, thread_pool& home);
  void wait(std::uint32_t index, result_future result);
  void wait_for_exception(std::uint32_t index, thread_pool& home);
  void run_on_own_pool(std::uint32_t index);
  void cancel_a_pool(std::uint64_t seed);
  std::uint32_t start_forks(std::uint32_t first, thread_pool& home);
  void fork(std::span<const std::uint32_t> branches, thread_pool& home);
  void skip_forks(std::uint64_t seed);
  cell& prepare(std::uint32_t index, thread_pool& home);
  [[nodiscard]] thread_pool& other_than(const thread_pool& home);

  void end();
  void drain_all();
  void cancel_midway();
  void audit(thread_pool& pool);
  void compare();
  void note_progress() noexcept;
  void note(const thread_pool& home, std::error_code error);
  void fault(const std::string& what);

  [[nodiscard]] static pool_config config_of(const program& meant, std::uint32_t workers);

  const program& meant_;
  std::vector<cell> cells_;
  std::vector<std::unique_ptr<thread_pool>> pools_;
  const thread_pool* first_pool_ = nullptr;  ///< while it is destroyed, too
  std::deque<guarded_strand> strands_;
  std::atomic<std::uint64_t> visited_{0}, accepted_{0};
  std::atomic<bool> may_refuse_{false};
  bool measures_stalls_ = false;
  std::atomic<std::uint64_t> last_progress_ns_{0}, longest_stall_ns_{0};
  std::mutex faults_lock_;
  std::string faults_;
};

}  // namespace treadle::test::grammar
