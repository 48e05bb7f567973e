#pragma once

#include "integrity.hpp"
#include "settings.hpp"
#include "tarball.hpp"

#include <treadle/coro/task.hpp>
#include <treadle/http.hpp>
#include <treadle/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace tool::install {

/// A tarball with its digest.
struct download {
  tarball content;
  std::string digest;
};

/// Fetches tarballs, so many at a time, as npm's configuration says: proxy, certificates, tokens. The client is made
/// when it is first needed.
class downloads {
 public:
  downloads(treadle::thread_pool& pool, const settings& configured, unsigned most_at_a_time)
      : pool_(pool), settings_(configured), most_at_a_time_(most_at_a_time) {}

  /// Fetches `url` and hashes it while it comes. What fails on the way is tried again, `fetch-retries` times. Suspends.
  /// Throws outage, and fault for more than `most_bytes`. `into`: an empty one.
  treadle::coro::task<download> get(std::string url, std::string algorithm, std::uint64_t most_bytes, tarball into);

  /// Returns how many bytes have come. A snapshot.
  [[nodiscard]] std::uint64_t received_bytes() const noexcept {
    return received_bytes_.load(std::memory_order_relaxed);
  }

 private:
  treadle::http::client& client();
  treadle::coro::task<bool> try_once(const std::string& url, const std::string& algorithm, std::uint64_t most_bytes,
                                     download& into, std::string& why);

  treadle::thread_pool& pool_;
  const settings& settings_;
  unsigned most_at_a_time_;
  std::atomic<std::uint64_t> received_bytes_{0};  ///< relaxed: for the bar and the summary
  std::mutex lock_;
  std::optional<treadle::http::client> client_;
};

}  // namespace tool::install
