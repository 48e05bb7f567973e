#include "downloads.hpp"

#include "fault.hpp"

#include <treadle/coro/sleep.hpp>
#include <treadle/version.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <span>
#include <utility>

namespace tool::install {

namespace {

constexpr std::size_t step_bytes = 64 * 1024;

unsigned number_of(const std::string& text, unsigned otherwise) {
  unsigned number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

treadle::http::client& downloads::client() {
  const std::lock_guard exclusive(lock_);
  if (!client_) {
    treadle::http::client_options how;
    how.max_in_flight = most_at_a_time_;
    how.user_agent = "treadle/" TREADLE_VERSION_STRING;
    how.ca_file = settings_.get("cafile");
    how.proxy = settings_.get("https-proxy");
    if (how.proxy.empty()) how.proxy = settings_.get("proxy");
    if (how.proxy == "null" || how.proxy == "false") how.proxy.clear();
    client_.emplace(pool_, std::move(how));
  }
  return *client_;
}

/// Returns whether it has come; if not, and another try may help, `why` says what has happened.
treadle::coro::task<bool> downloads::try_once(const std::string& url, const std::string& algorithm,
                                              std::uint64_t most_bytes, download& into, std::string& why) {
  treadle::http::request asked;
  asked.url = url;
  if (std::string token = settings_.authorization(url); !token.empty()) {
    asked.headers.add("Authorization", std::move(token));
  }
  treadle::http::failure failed;
  treadle::http::request_options how;
  how.compression = false;  // the digest is of what lies there
  how.failure = &failed;
  treadle::result<treadle::http::stream> opened = co_await client().open(std::move(asked), how);
  if (!opened) {
    why = failed.message();
    co_return false;
  }
  treadle::http::stream& body = *opened;
  if (body.status() != 200) {
    why = fmt::format("{}: the server says {}", shown_url(url), body.status());
    if (!is_worth_another_try(body.status())) throw outage(why);
    co_return false;
  }
  running_digest hash(algorithm);
  into.content.clear();
  if (const auto length = body.content_length(); length && *length <= most_bytes) into.content.expect(*length);
  const std::unique_ptr<std::byte[]> step(new std::byte[step_bytes]);
  for (std::uint64_t end = 0;;) {
    const treadle::result<std::size_t> read = co_await body.read(std::span(step.get(), step_bytes));
    if (!read) {
      why = body.failure().message();
      co_return false;
    }
    if (*read == 0) break;
    if (end += *read; end > most_bytes)
      throw fault(fmt::format("{} has more than {} bytes", shown_url(url), most_bytes));
    const std::span<const std::byte> bytes(step.get(), *read);
    hash.add(bytes);
    into.content.add(bytes);
    received_bytes_.fetch_add(*read, std::memory_order_relaxed);
  }
  into.digest = hash.finish();
  co_return true;
}

treadle::coro::task<download> downloads::get(std::string url, std::string algorithm, std::uint64_t most_bytes,
                                             tarball into) {
  download got{std::move(into), {}};
  std::string why;
  const unsigned retries = number_of(settings_.get("fetch-retries"), 2);
  for (unsigned tries = 0;; ++tries) {
    if (co_await try_once(url, algorithm, most_bytes, got, why)) co_return got;
    if (tries >= retries) throw outage(why);
    co_await treadle::coro::sleep_for(std::chrono::milliseconds(200) * (1U << std::min(tries, 6U)));
  }
}

}  // namespace tool::install
