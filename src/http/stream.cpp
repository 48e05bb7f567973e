#include "exchange.hpp"

#include <treadle/http/stream.hpp>

namespace treadle::http {

int stream::status() const noexcept { return of_->status; }
const http::headers& stream::headers() const noexcept { return of_->lines; }
const std::string& stream::url() const noexcept { return of_->what.to.url; }
std::optional<std::uint64_t> stream::content_length() const noexcept { return of_->length; }

coro::task<result<std::size_t>> stream::read(std::span<std::byte> into) { return of_->read(into); }

http::failure stream::failure() const {
  http::failure made = of_->failure_so_far();
  made.host = of_->what.to.authority();
  made.url = of_->what.to.url;
  return made;
}

void stream::close() noexcept {
  if (of_ == nullptr) return;
  of_->feeding.request_stop();
  of_->feeding.detach();  // which has a share in the exchange
  of_->abort();
  of_.reset();
}

}  // namespace treadle::http
