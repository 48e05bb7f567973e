#pragma once

#include "client_core.hpp"
#include "exchange.hpp"

#include <treadle/coro/task.hpp>
#include <treadle/http/failure.hpp>
#include <treadle/http/request.hpp>
#include <treadle/http/request_options.hpp>
#include <treadle/result.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <system_error>

namespace treadle::http::detail {

/// One request on its way: its exchanges, one after another.
class running {
 public:
  /// `collects`: the body is to be whole.
  running(std::shared_ptr<client_core> core, request asked, const request_options& options, bool collects);
  ~running();
  running(const running&) = delete;
  running& operator=(const running&) = delete;

  /// Sends it until there is an answer for the caller. Returns the exchange: over, or with a body to be read.
  coro::task<result<std::shared_ptr<exchange>>> perform();

 private:
  [[nodiscard]] std::error_code check();
  coro::task<std::error_code> attempt();
  coro::task<std::error_code> resolve(order& what);
  coro::task<std::error_code> wait_for_head();
  [[nodiscard]] order make_order() const;
  [[nodiscard]] std::error_code follow();
  void drop_body();
  [[nodiscard]] std::optional<std::chrono::nanoseconds> pause_before_retry(std::error_code error);
  [[nodiscard]] std::chrono::nanoseconds draw_pause() noexcept;
  void let_go() noexcept;
  void report(std::error_code error);

  const std::shared_ptr<client_core> core_;
  request asked_;
  const request_options options_;
  const bool collects_;
  target to_;
  std::shared_ptr<const std::string> body_;
  clock::time_point connect_by_ = clock::time_point::max(), total_by_ = clock::time_point::max();
  bool has_started_ = false;
  unsigned redirects_ = 0, retries_ = 0;
  std::shared_ptr<exchange> current_;
  http::failure so_far_;
};

}  // namespace treadle::http::detail
