#pragma once

#include <treadle/coro/event.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/http/client_options.hpp>
#include <treadle/io/address.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace treadle::http::detail {

using addresses = std::shared_ptr<const std::vector<io::address>>;

/// The addresses of names, asked for once however many want them, and kept for a while. A lookup runs in a flow of its
/// own: whoever is asked to stop leaves it behind, and it may outlive the client.
class names : public std::enable_shared_from_this<names> {
 public:
  names(thread_pool& pool, resolver_function resolver, std::chrono::nanoseconds ttl)
      : pool_(pool), resolver_(std::move(resolver)), ttl_(ttl) {}

  /// Fails as the resolver does, and with `errc::cancelled` as soon as the coroutine is asked to stop.
  coro::task<result<addresses>> look_up(std::string host, std::string port);

 private:
  using clock = std::chrono::steady_clock;
  struct entry {
    coro::event answered;
    result<addresses> answer{addresses()};
    clock::time_point until = clock::time_point::max();  ///< after the answer
  };

  [[nodiscard]] std::shared_ptr<entry> find_or_ask(const std::string& host, const std::string& port);
  static coro::task<> ask(std::shared_ptr<names> self, std::shared_ptr<entry> into, std::string host, std::string port);
  void forget_old(clock::time_point now);

  thread_pool& pool_;
  const resolver_function resolver_;
  const std::chrono::nanoseconds ttl_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<entry>> known_;
  std::size_t look_again_at_ = 64;  ///< entries; then those that are too old go
};

}  // namespace treadle::http::detail
