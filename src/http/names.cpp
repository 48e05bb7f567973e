#include "names.hpp"

#include <treadle/coro/spawn.hpp>
#include <treadle/errc.hpp>
#include <treadle/http/errc.hpp>
#include <treadle/io/resolve.hpp>

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

namespace treadle::http::detail {

coro::task<result<addresses>> names::look_up(std::string host, std::string port) {
  try {
    const std::shared_ptr<entry> found = find_or_ask(host, port);
    co_await found->answered.wait();
    co_return found->answer;
  } catch (const std::system_error& stopped) {
    co_return stopped.code();
  }
}

std::shared_ptr<names::entry> names::find_or_ask(const std::string& host, const std::string& port) {
  const std::string key = host + ":" + port;
  const clock::time_point now = clock::now();
  auto made = std::make_shared<entry>();
  {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    if (const auto found = known_.find(key); found != known_.end() && now < found->second->until) return found->second;
    forget_old(now);
    known_.insert_or_assign(key, made);
  }
  try {
    coro::spawn(pool_, ask(shared_from_this(), made, host, port)).detach();
  } catch (const std::system_error& refused) {
    {
      const std::lock_guard<std::mutex> exclusive(mutex_);
      if (const auto found = known_.find(key); found != known_.end() && found->second == made) known_.erase(found);
    }
    // Others may have found it meanwhile.
    made->answer = refused.code();
    made->answered.set();
  }
  return made;
}

/// With the mutex held.
void names::forget_old(clock::time_point now) {
  if (known_.size() < look_again_at_) return;
  std::erase_if(known_, [now](const auto& each) { return each.second->until <= now; });
  look_again_at_ = std::max<std::size_t>(64, 2 * known_.size());
}

coro::task<> names::ask(std::shared_ptr<names> self, std::shared_ptr<entry> into, std::string host, std::string port) {
  const std::string key = host + ":" + port;
  result<std::vector<io::address>> got{treadle::errc::cancelled};
  try {
    if (self->resolver_) {
      got = co_await self->resolver_(host, port);
    } else {
      got = co_await io::resolve(self->pool_, host, port);
    }
    if (got && got->empty()) got = io::resolve_errc::host_not_found;
  } catch (const std::system_error& failed) {
    got = failed.code();
  } catch (const std::bad_alloc&) {
    got = treadle::errc::out_of_memory;
  } catch (...) {
    got = io::resolve_errc::failed;
  }
  const bool is_known = got.has_value();
  if (is_known) {
    into->answer = std::make_shared<const std::vector<io::address>>(*std::move(got));
  } else {
    into->answer = got.error();
  }
  {
    const std::lock_guard<std::mutex> exclusive(self->mutex_);
    into->until = clock::now() + self->ttl_;
    if (!is_known) {
      if (const auto found = self->known_.find(key); found != self->known_.end() && found->second == into) {
        self->known_.erase(found);
      }
    }
  }
  into->answered.set();
}

}  // namespace treadle::http::detail
