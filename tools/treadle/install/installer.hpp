#pragma once

#include "../output.hpp"
#include "bins.hpp"
#include "downloads.hpp"
#include "install.hpp"
#include "layout.hpp"
#include "store.hpp"

#include <treadle/coro/task.hpp>
#include <treadle/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tool::install {

/// What became of an installation.
struct outcome {
  std::size_t packages = 0;
  std::size_t downloaded = 0;
  std::uint64_t downloaded_bytes = 0;
  link_way way = link_way::copy;
  std::vector<std::pair<std::string, std::string>> left_out;       ///< path, why
  std::vector<std::pair<std::string, std::string>> skipped_links;  ///< package, the link's path in it
  std::vector<std::pair<std::string, std::string>> failed;  ///< package, why; if there are any nothing was changed
  std::vector<std::string> scripts;                         ///< packages with install scripts, which did not run
};

/// One installation: reads, fetches and unpacks what the store lacks, lays out, and puts in place.
class installer {
 public:
  installer(treadle::thread_pool& pool, const options& asked, complaints& faults);

  /// Does it. Blocks; for the main thread. Throws fault.
  [[nodiscard]] outcome run();

 private:
  /// Packages of one tarball: it is fetched and unpacked once.
  using batch = std::vector<package*>;
  enum class pass { normal, missing_bundled };

  [[nodiscard]] std::vector<batch> sort_out(pass which);
  [[nodiscard]] std::vector<std::string> commands_of(const package& of) const;
  void install_all(pass which);
  treadle::coro::task<> install_batch(batch& of);
  treadle::coro::task<stored_tree> obtain(const package& of);
  treadle::coro::task<download> fetch(const package& of, std::string algorithm);
  void note_failure(const batch& of, const std::string& why, bool is_outage);
  void show_progress();
  [[nodiscard]] outcome sum_up();

  treadle::thread_pool& pool_;
  const options& asked_;
  complaints& faults_;
  lock_file lock_;
  settings settings_;
  store store_;
  layout layout_;
  placer placer_;
  memory_budget tarball_memory_;
  downloads downloads_;

  std::vector<const package*> bundled_;  ///< come with another's tarball

  std::atomic<std::size_t> done_{0};  ///< relaxed: for the bar and the summary
  std::atomic<std::size_t> downloaded_{0};
  std::size_t wanted_ = 0;
  bool shows_bar_ = false;
  std::mutex lock_of_notes_;  ///< guards what follows
  std::chrono::steady_clock::time_point bar_drawn_{};
  std::vector<std::pair<package*, std::string>> missed_;  ///< optional packages that could not be had
  outcome result_;
};

}  // namespace tool::install
