#include <treadle/assert.hpp>
#include <treadle/errc.hpp>

#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>

namespace treadle {

namespace {

class category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "treadle"; }

  std::string message(int code) const override {
    switch (static_cast<errc>(code)) {
      case errc::shut_down:
        return "the pool is shut down";
      case errc::queue_full:
        return "the pool's queue is full (pool_config::max_queued)";
      case errc::would_deadlock:
        return "the call would wait for itself";
      case errc::cancelled:
        return "the work was cancelled before it ran";
      case errc::inherited_by_fork:
        return "the pool was started before fork(); make a new one in the child";
      case errc::bad_stack_size:
        return "pool_config::stack_bytes is below the system's minimum or above 1 TiB";
      case errc::too_many_threads:
        return "pool_config::max_threads and max_spare_threads are more than thread_pool::max_workers together";
      case errc::bad_cpu:
        return "pool_config::pin names no CPU, or one that this process may not use";
      case errc::bad_name:
        return "pool_config::name is longer than 15 bytes";
      case errc::out_of_memory:
        return "no memory for the pool's tables";
      case errc::graph_cycle:
        return "these steps of the graph wait for each other in a circle without a branch";
      case errc::graph_has_no_source:
        return "each step of the graph has a predecessor, so none can be the first";
      case errc::graph_is_running:
        return "the graph is running";
      case errc::foreign_node:
        return "the node belongs to another graph";
      case errc::timed_out:
        return "the time for it has passed";
    }
    return "unknown treadle error " + std::to_string(code);
  }

  std::error_condition default_error_condition(int code) const noexcept override {
    switch (static_cast<errc>(code)) {
      case errc::would_deadlock:
        return std::errc::resource_deadlock_would_occur;
      case errc::cancelled:
        return std::errc::operation_canceled;
      case errc::queue_full:
        return std::errc::resource_unavailable_try_again;
      case errc::out_of_memory:
        return std::errc::not_enough_memory;
      case errc::bad_stack_size:
      case errc::too_many_threads:
      case errc::bad_cpu:
      case errc::bad_name:
      case errc::graph_cycle:
      case errc::graph_has_no_source:
      case errc::foreign_node:
        return std::errc::invalid_argument;
      case errc::graph_is_running:
        return std::errc::device_or_resource_busy;
      case errc::timed_out:
        return std::errc::timed_out;
      default:
        return {code, *this};
    }
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  // Never destroyed: errors are reported during the exit of the process, too. Nor allocated: they are when memory is
  // short.
  alignas(category) static std::byte storage[sizeof(category)];
  static const category& instance = *::new (storage) category;
  return instance;
}

}  // namespace treadle

namespace treadle::detail {

void invariant_broken(const char* what, const char* file, int line, std::uint64_t word_a,
                      std::uint64_t word_b) noexcept {
  std::fprintf(stderr, "treadle: broken invariant at %s:%d: %s (state words %016" PRIx64 " %016" PRIx64 ")\n", file,
               line, what, word_a, word_b);
  std::abort();
}

}  // namespace treadle::detail
