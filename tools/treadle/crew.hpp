#pragma once

#include "tree.hpp"

#include <treadle/batch.hpp>
#include <treadle/thread_pool.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <system_error>
#include <vector>

namespace tool {

/// Decides what runs next, and keeps the pool fed: a few tasks for each worker, the rest waits here.
///
/// Directories are walked depth first, so that what is known but not hashed stays bounded. Files are hashed in the
/// order in which they were found, but for one rule: the largest goes first as soon as hashing it alone would take as
/// long as all the others shared by all workers. So lines come early, and no huge file is left for the end.
class crew {
 public:
  crew(treadle::thread_pool& pool, bool is_unsorted);

  /// Gives the pool what is there. For the main thread, whose filling of the root counts as a task until it calls
  /// `end_task`. Returns why the pool refuses work, if it does.
  [[nodiscard]] std::error_code feed();
  /// Queues a directory that is to be read on, or has subdirectories. Gives the caller's hold on its walk away.
  void add_walk(folder& read);
  /// Queues files to be hashed.
  void add_files(segment& with_chunks);
  /// Ends the caller's task, which hashed so many files, and gives the pool new ones. Returns true if it was the last.
  [[nodiscard]] bool end_task(std::uint32_t files_hashed);
  /// The same for the task of a directory.
  [[nodiscard]] bool end_walk_task();

  /// Adds to the bytes that are held beyond what each waiting file may take.
  void hold(std::int64_t bytes) noexcept { held_bytes_ += bytes; }
  [[nodiscard]] bool is_walk_over() const noexcept { return is_walk_over_; }
  [[nodiscard]] std::uint32_t worker_limit() const noexcept { return workers_; }

 private:
  struct larger_first {
    bool operator()(const chunk* a, const chunk* b) const noexcept {
      return a->bytes != b->bytes ? a->bytes > b->bytes : a < b;
    }
  };

  [[nodiscard]] bool end_task_locked(std::unique_lock<std::mutex>& lock);
  void fill(treadle::batch& next);
  [[nodiscard]] bool may_walk() const noexcept;
  folder* next_folder();
  folder* open_next_child(folder& above);
  chunk* next_chunk();
  void unlink(chunk& taken);
  static std::uint64_t cost(const chunk& of) noexcept;

  treadle::thread_pool& pool_;
  const std::uint32_t workers_;
  const bool is_unsorted_;

  std::mutex lock_;
  std::vector<folder*> walk_;  ///< stack: to be read on, or with subdirectories to be opened
  chunk* oldest_ = nullptr;
  chunk* newest_ = nullptr;
  std::set<chunk*, larger_first> large_;
  std::uint64_t queued_cost_ = 0;  ///< of the chunks that no worker has
  std::uint64_t known_files_ = 0;  ///< not hashed yet
  std::uint32_t in_pool_ = 1;      ///< the first is the main thread's
  std::uint32_t walking_ = 0;
  std::atomic<std::int64_t> held_bytes_{0};
  std::atomic<bool> is_walk_over_{false};
};

}  // namespace tool
