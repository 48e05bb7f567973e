#include "../os/io/resolver.hpp"
#include "address_access.hpp"

#include <treadle/blocking.hpp>
#include <treadle/coro/spawn.hpp>
#include <treadle/errc.hpp>
#include <treadle/io/limiter.hpp>
#include <treadle/io/resolve.hpp>

#include <new>
#include <utility>

namespace treadle::io {

namespace os = treadle::detail::os;

namespace {

class resolve_category_type final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "treadle.resolve"; }
  [[nodiscard]] std::string message(int code) const override {
    switch (static_cast<resolve_errc>(code)) {
      case resolve_errc::host_not_found:
        return "there is no such host";
      case resolve_errc::service_not_found:
        return "there is no such service";
      case resolve_errc::try_again:
        return "no answer from the name service right now";
      case resolve_errc::failed:
        return "the name service cannot answer";
    }
    return "unknown error";
  }
};

/// Questions to the system at a time: each holds a thread, for many seconds where a name server is down.
constexpr std::size_t most_questions = 16;
constinit limiter questions(most_questions);

std::error_code error_of(const os::lookup_result& failed) noexcept {
  switch (failed.what) {
    case os::lookup_failure::none:
      break;
    case os::lookup_failure::host_not_found:
      return resolve_errc::host_not_found;
    case os::lookup_failure::service_not_found:
      return resolve_errc::service_not_found;
    case os::lookup_failure::try_again:
      return resolve_errc::try_again;
    case os::lookup_failure::failed:
      return resolve_errc::failed;
    case os::lookup_failure::system:
      return {failed.error, std::system_category()};
  }
  // An answer without an address that we can hold.
  return resolve_errc::host_not_found;
}

result<std::vector<address>> look_up(const std::string& host, const std::string& service, bool numeric_only) {
  const os::lookup_result got = os::look_up(host.c_str(), service.c_str(), numeric_only);
  if (got.found.empty()) return error_of(got);
  std::vector<address> made;
  made.reserve(got.found.size());
  for (const os::socket_address& each : got.found) made.push_back(detail::address_access::make(each));
  return made;
}

/// Runs in a flow of its own, which whoever asks may leave behind. Throws nothing.
coro::task<result<std::vector<address>>> ask(std::string host, std::string service) {
  try {
    const limiter::permit held = co_await questions.acquire();
    co_return blocking([&] { return look_up(host, service, false); });
  } catch (const std::system_error& stopped) {
    co_return stopped.code();
  } catch (const std::bad_alloc&) {
    co_return errc::out_of_memory;
  }
}

}  // namespace

const std::error_category& resolve_category() noexcept {
  static const resolve_category_type category;
  return category;
}

coro::task<result<std::vector<address>>> resolve(thread_pool& pool, std::string host, std::string service) {
  if (host.find('\0') != std::string::npos || service.find('\0') != std::string::npos) {
    co_return std::make_error_code(std::errc::invalid_argument);
  }
  result<std::vector<address>> numeric = look_up(host, service, true);
  if (numeric) co_return numeric;
  coro::join_handle<result<std::vector<address>>> asking;
  try {
    asking = coro::spawn(pool, ask(std::move(host), std::move(service)));
    co_return co_await asking;
  } catch (const std::system_error& ended) {
    asking.request_stop();  // one that waits for its turn need not ask any more
    co_return ended.code();
  }
}

}  // namespace treadle::io
