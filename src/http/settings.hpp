#pragma once

#include "proxy.hpp"

#include <treadle/http/client_options.hpp>

#include <curl/curl.h>

#include <mutex>

namespace treadle::http::detail {

/// What all shards of a client have in common; nothing of it changes but TLS sessions, which libcurl guards by `lock`.
class settings {
 public:
  /// Throws std::bad_alloc.
  explicit settings(client_options given);
  ~settings();
  settings(const settings&) = delete;
  settings& operator=(const settings&) = delete;

  const client_options options;
  const proxy_rules proxies;
  [[nodiscard]] CURLSH* shared() const noexcept { return shared_; }

 private:
  static void lock(CURL*, curl_lock_data, curl_lock_access, void* self) noexcept;
  static void unlock(CURL*, curl_lock_data, void* self) noexcept;

  std::mutex sessions_;
  CURLSH* shared_;
};

}  // namespace treadle::http::detail
