#pragma once

#include "names.hpp"
#include "places.hpp"
#include "settings.hpp"
#include "shard.hpp"

#include <treadle/http/client_options.hpp>
#include <treadle/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace treadle::http::detail {

/// What a client is; those of its requests that it does not live to see the end of keep it.
class client_core {
 public:
  /// Throws std::bad_alloc, std::system_error.
  client_core(thread_pool& pool, client_options options);

  /// Ends what waits and what is under way, and waits until libcurl has let go of it.
  void close() noexcept;
  /// Returns the shard for one more exchange: they take turns.
  [[nodiscard]] const std::shared_ptr<shard>& next_shard() noexcept {
    return shards_[next_.fetch_add(1, std::memory_order_relaxed) % shards_.size()];
  }

  thread_pool& pool;
  const std::shared_ptr<settings> common;
  const std::shared_ptr<places> starts;
  const std::shared_ptr<names> resolves;

 private:
  std::vector<std::shared_ptr<shard>> shards_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace treadle::http::detail
