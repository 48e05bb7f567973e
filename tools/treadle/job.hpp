#pragma once

#include "crew.hpp"
#include "options.hpp"
#include "output.hpp"
#include "printer.hpp"

#include <atomic>
#include <cstdint>

namespace tool {

/// Counts that the progress bar and the summary show. Only sums: no thread acts on what it reads here.
struct counters {
  std::atomic<std::uint64_t> files_found{0};
  std::atomic<std::uint64_t> bytes_found{0};
  std::atomic<std::uint64_t> files_done{0};
  std::atomic<std::uint64_t> files_hashed{0};
  std::atomic<std::uint64_t> bytes_done{0};
  std::atomic<std::uint64_t> mismatches{0};
  std::atomic<std::uint64_t> unreadable_files{0};
};

/// All that the tasks of one run share.
struct job {
  job(const hash_options& asked, treadle::thread_pool& pool, output& out, complaints& err)
      : options(asked), sink(out), faults(err), workers(pool, asked.is_unsorted), lines(*this) {}

  const hash_options& options;
  output& sink;
  complaints& faults;
  counters totals;
  crew workers;
  printer lines;
  bool wants_sizes = true;                 ///< looks every file's size up before it is hashed
  std::atomic<std::int64_t> spare_fds{0};  ///< directories that may still keep a descriptor
};

}  // namespace tool
