#include "running.hpp"

#include "text.hpp"

#include <treadle/coro/async_scope.hpp>
#include <treadle/coro/locals.hpp>
#include <treadle/coro/sleep.hpp>
#include <treadle/coro/spawn.hpp>
#include <treadle/coro/with_timeout.hpp>
#include <treadle/errc.hpp>
#include <treadle/http/errc.hpp>
#include <treadle/io/resolve.hpp>

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <random>
#include <utility>

namespace treadle::http::detail {

namespace {

constexpr std::uint64_t most_collected = std::uint64_t{256} << 20;

bool may_be_sent_twice(const std::string& method) noexcept {
  for (const char* const each : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    if (method == each) return true;
  }
  return false;
}

bool is_passing(std::error_code error) noexcept {
  for (const errc each : {errc::connect_failed, errc::connection_lost, errc::truncated, errc::connect_timed_out,
                          errc::first_byte_timed_out, errc::stalled}) {
    if (error == make_error_code(each)) return true;
  }
  if (error == io::make_error_code(io::resolve_errc::try_again)) return true;
  if (error.category() != std::system_category()) return false;
  for (const std::errc each : {std::errc::connection_refused, std::errc::connection_reset, std::errc::broken_pipe,
                               std::errc::host_unreachable, std::errc::network_unreachable, std::errc::timed_out}) {
    if (error == each) return true;
  }
  return false;
}

clock::time_point time_from(clock::time_point now, std::chrono::nanoseconds limit) noexcept {
  if (limit.count() <= 0 || limit > std::chrono::hours(24 * 365)) return clock::time_point::max();
  return now + limit;
}

/// Reads Retry-After: seconds, or a date.
std::optional<std::chrono::nanoseconds> asked_pause(const headers& lines) noexcept {
  const std::string* const text = lines.find("Retry-After");
  if (text == nullptr) return std::nullopt;
  std::uint32_t seconds = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (parsed.ec == std::errc() && parsed.ptr == text->data() + text->size()) return std::chrono::seconds(seconds);
  const std::time_t date = curl_getdate(text->c_str(), nullptr);
  if (date < 0) return std::nullopt;
  return std::chrono::seconds(std::max<std::time_t>(0, date - std::time(nullptr)));
}

bool is_clean(const header& line) noexcept {
  return is_token(line.name) && line.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
}

}  // namespace

running::running(std::shared_ptr<client_core> core, request asked, const request_options& options, bool collects)
    : core_(std::move(core)), asked_(std::move(asked)), options_(options), collects_(collects) {}

running::~running() { let_go(); }

coro::task<result<std::shared_ptr<exchange>>> running::perform() {
  std::error_code error = check();
  if (!error) {
    for (;;) {
      error = co_await attempt();
      if (!error && current_->is_redirect) {
        error = follow();
        if (error) break;
        continue;
      }
      const std::optional<std::chrono::nanoseconds> pause = pause_before_retry(error);
      if (!pause) break;
      let_go();
      try {
        co_await coro::sleep_for(*pause);
      } catch (const std::system_error& stopped) {
        error = stopped.code();
      }
      if (error && coro::this_coro::stop_requested()) break;
    }
  }
  if (error) {
    report(error);
    let_go();
    co_return error;
  }
  co_return std::exchange(current_, nullptr);
}

std::error_code running::check() {
  so_far_.at = phase::check;
  so_far_.url = asked_.url;
  if (!is_token(asked_.method)) return errc::bad_method;
  for (const header& each : asked_.headers) {
    if (!is_clean(each)) {
      so_far_.detail = each.name;
      return errc::bad_header;
    }
  }
  if (const std::error_code bad = read_url(asked_.url, to_, so_far_.detail)) return bad;
  so_far_.host = to_.authority();
  const bool has_body = !asked_.body.empty() || asked_.source;
  if (has_body && (asked_.method == "GET" || asked_.method == "HEAD")) return errc::body_not_allowed;
  if (!asked_.body.empty()) body_ = std::make_shared<const std::string>(std::move(asked_.body));
  return {};
}

// ---- one exchange --------------------------------------------------------------------------------------------------

coro::task<std::error_code> running::attempt() {
  so_far_.at = phase::wait;
  so_far_.host = to_.authority();
  so_far_.url = to_.url;
  so_far_.detail.clear();
  place held;
  try {
    held = co_await core_->starts->acquire(so_far_.host);
  } catch (const std::system_error& stopped) {
    co_return stopped.code();
  }
  ++so_far_.attempts;
  const clock::time_point now = clock::now();
  if (!std::exchange(has_started_, true)) total_by_ = time_from(now, options_.timeout);
  connect_by_ = time_from(now, options_.connect_timeout);
  order what = make_order();
  if (const std::error_code error = co_await resolve(what)) co_return error;
  current_ = std::make_shared<exchange>(std::move(what), std::move(held), core_->next_shard());
  so_far_.at = phase::connect;
  co_return co_await wait_for_head();
}

order running::make_order() const {
  const client_options& common = core_->common->options;
  order made;
  made.to = to_;
  made.method = asked_.method;
  made.lines = asked_.headers;
  made.body = body_;
  made.has_source = static_cast<bool>(asked_.source);
  made.source_bytes = asked_.source_bytes;
  made.proxy = core_->common->proxies.choose(to_);
  made.connect_by = connect_by_;
  made.total_by = total_by_;
  made.first_byte = options_.first_byte_timeout;
  made.stall = options_.stall_timeout;
  made.max_body_bytes = options_.max_body_bytes.value_or(collects_ ? most_collected : UINT64_MAX);
  made.max_header_bytes = options_.max_header_bytes;
  made.buffer_bytes = std::max<std::size_t>(common.buffer_bytes, 1024);
  made.range_start = options_.range_start;
  made.compression = options_.compression;
  made.collects = collects_;
  made.follows = options_.max_redirects != 0;
  return made;
}

/// Finds out where to connect to, and tells libcurl in its way: "host:port:address,address".
coro::task<std::error_code> running::resolve(order& what) {
  so_far_.at = phase::resolve;
  target via = to_;
  if (!what.proxy.empty()) {
    if (const std::error_code bad = read_proxy_url(what.proxy, via, so_far_.detail)) co_return bad;
  }
  if (via.is_address) co_return std::error_code{};
  const clock::time_point by = std::min(connect_by_, total_by_);
  const result<addresses> found = co_await coro::with_deadline(by, core_->resolves->look_up(via.host, via.port));
  if (!found) {
    so_far_.detail = via.host;
    if (found.error() != treadle::errc::timed_out) co_return found.error();
    co_return by == total_by_ ? errc::timed_out : errc::connect_timed_out;
  }
  std::string text = via.host + ":" + via.port + ":";
  for (const io::address& each : **found) {
    if (each.kind() == io::address::family::local) continue;
    std::string shown = each.text();
    shown.erase(shown.rfind(':'));
    if (text.back() != ':') text += ',';
    text += shown;
  }
  if (text.back() == ':') co_return io::resolve_errc::host_not_found;
  what.addresses = "+" + text;  // the plus: no longer than an answer of libcurl's own
  co_return std::error_code{};
}

coro::task<std::error_code> running::wait_for_head() {
  exchange& now = *current_;
  coro::async_scope feeding(core_->pool);
  std::error_code error;
  try {
    if (asked_.source && collects_) {
      feeding.spawn(now.feed(asked_.source));
    } else if (asked_.source) {
      now.feeding = coro::spawn(core_->pool, [](std::shared_ptr<exchange> kept, body_source source) -> coro::task<> {
        co_await kept->feed(std::move(source));
      }(current_, asked_.source));
    }
    now.start();
    co_await now.headed.wait();
  } catch (const std::system_error& stopped) {
    error = stopped.code();
    now.abort();
  }
  feeding.request_stop();
  co_await feeding.join();
  if (error || now.has_head) co_return error;
  const http::failure failed = now.failure_so_far();
  if (failed.why) {
    so_far_.at = failed.at;
    so_far_.detail = failed.detail;
  }
  co_return failed.why;
}

void running::let_go() noexcept {
  if (current_ == nullptr) return;
  current_->feeding.request_stop();
  current_->feeding.detach();  // which has a share in the exchange
  current_->abort();
  current_.reset();
}

// ---- the next one --------------------------------------------------------------------------------------------------

std::error_code running::follow() {
  if (++redirects_ > options_.max_redirects) return errc::too_many_redirects;
  const int status = current_->status;
  const std::string location = current_->lines.find("Location") != nullptr ? *current_->lines.find("Location") : "";
  let_go();
  target next;
  so_far_.detail = location;
  if (const std::error_code bad = read_location(to_, location, next, so_far_.detail)) return bad;
  const bool is_seen_as_get = asked_.method != "GET" && asked_.method != "HEAD" &&
                              (status == 303 || ((status == 301 || status == 302) && asked_.method == "POST"));
  if (is_seen_as_get) {
    drop_body();
  } else if (asked_.source) {
    return errc::cannot_resend;
  }
  if (!next.is_same_origin(to_)) {  // it must not learn what was meant for another
    asked_.headers.remove("Authorization");
    asked_.headers.remove("Cookie");
  }
  to_ = std::move(next);
  return {};
}

void running::drop_body() {
  asked_.method = "GET";
  asked_.source = {};
  asked_.source_bytes.reset();
  body_.reset();
  for (const char* const each : {"Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding"}) {
    asked_.headers.remove(each);
  }
}

std::optional<std::chrono::nanoseconds> running::pause_before_retry(std::error_code error) {
  if (retries_ >= options_.retries || asked_.source || !may_be_sent_twice(asked_.method)) return std::nullopt;
  std::optional<std::chrono::nanoseconds> pause;
  if (error) {
    if (!is_passing(error)) return std::nullopt;
  } else {
    if (!current_->is_refused_by_status) return std::nullopt;
    pause = asked_pause(current_->lines);
    if (pause && *pause > options_.max_retry_delay) return std::nullopt;
  }
  if (!pause) pause = draw_pause();
  if (total_by_ - clock::now() <= *pause) return std::nullopt;
  ++retries_;
  return pause;
}

std::chrono::nanoseconds running::draw_pause() noexcept {
  std::chrono::nanoseconds bound = options_.retry_delay;
  for (unsigned i = 0; i < retries_ && bound < options_.max_retry_delay; ++i) bound *= 2;
  bound = std::max(std::min(bound, options_.max_retry_delay), std::chrono::nanoseconds(1));
  const auto seed = static_cast<std::uint64_t>(clock::now().time_since_epoch().count()) ^
                    static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(this));
  std::mt19937_64 random(seed);
  return std::chrono::nanoseconds(std::uniform_int_distribution<std::int64_t>(0, bound.count())(random));
}

void running::report(std::error_code error) {
  if (options_.failure == nullptr) return;
  so_far_.why = error;
  *options_.failure = std::move(so_far_);
}

}  // namespace treadle::http::detail
