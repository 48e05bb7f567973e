#include "client_core.hpp"
#include "running.hpp"

#include <treadle/coro/spawn.hpp>
#include <treadle/http/client.hpp>
#include <treadle/http/errc.hpp>

#include <curl/curl.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace treadle::http {

namespace detail {

namespace {

/// Once a process, and never undone: others may use libcurl, too.
void require_libcurl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw std::system_error(errc::failed, curl_easy_strerror(started));
}

}  // namespace

client_core::client_core(thread_pool& runs_on, client_options options)
    : pool(runs_on),
      common((require_libcurl(), std::make_shared<settings>(std::move(options)))),
      starts(std::make_shared<places>(common->options.max_in_flight, common->options.max_per_host)),
      resolves(std::make_shared<names>(runs_on, common->options.resolver, common->options.name_ttl)) {
  const unsigned count = std::clamp(common->options.shards, 1u, 64u);
  for (unsigned i = 0; i < count; ++i) shards_.push_back(std::make_shared<shard>(pool, common));
}

void client_core::close() noexcept {
  starts->close();
  for (const std::shared_ptr<shard>& each : shards_) each->close();
}

namespace {

coro::task<result<response>> sends(std::shared_ptr<client_core> core, request asked, request_options options) {
  running work(std::move(core), std::move(asked), options, true);
  const result<std::shared_ptr<exchange>> got = co_await work.perform();
  if (!got) co_return got.error();
  exchange& over = **got;
  response made;
  made.status = over.status;
  made.headers = std::move(over.lines);
  made.body = std::move(over.collected);
  made.url = over.what.to.url;
  co_return made;
}

coro::task<> calls_back(std::shared_ptr<client_core> core, request asked, request_options options,
                        std::function<void(result<response>)> on_end) {
  on_end(co_await sends(std::move(core), std::move(asked), options));
}

}  // namespace

}  // namespace detail

client::client(thread_pool& pool, client_options options)
    : core_(std::make_shared<detail::client_core>(pool, std::move(options))) {}

client::~client() { core_->close(); }

coro::task<result<response>> client::get(std::string url, request_options options) {
  request asked;
  asked.url = std::move(url);
  return detail::sends(core_, std::move(asked), options);
}

coro::task<result<response>> client::send(request asked, request_options options) {
  return detail::sends(core_, std::move(asked), options);
}

coro::task<result<stream>> client::open(request asked, request_options options) {
  detail::running work(core_, std::move(asked), options, false);
  result<std::shared_ptr<detail::exchange>> got = co_await work.perform();
  if (!got) co_return got.error();
  co_return stream(*std::move(got));
}

call client::start(request asked, std::function<void(result<response>)> on_end, request_options options) {
  return call(coro::spawn(core_->pool, detail::calls_back(core_, std::move(asked), options, std::move(on_end))));
}

void client::set_max_in_flight(unsigned most) noexcept { core_->starts->set_most(most); }
void client::set_max_per_host(unsigned most) noexcept { core_->starts->set_most_per_host(most); }
std::size_t client::in_flight() const noexcept { return core_->starts->started(); }
std::size_t client::waiting() const noexcept { return core_->starts->waiting(); }

}  // namespace treadle::http
