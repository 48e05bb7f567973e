#include <treadle/coro/async_scope.hpp>
#include <treadle/coro/channel.hpp>
#include <treadle/coro/with_timeout.hpp>
#include <treadle/errc.hpp>
#include <treadle/io/connect.hpp>
#include <treadle/io/resolve.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace treadle::io {

namespace {

/// The order of RFC 8305, section 4: as given, but the two families take turns as long as there are both.
std::vector<address> interleaved(const std::vector<address>& given) {
  std::vector<address> order;
  order.reserve(given.size());
  const address::family first = given.front().kind();
  std::size_t of_first = 0, of_other = 0;
  const auto next = [&](std::size_t& from, bool wanted) {
    while (from < given.size() && (given[from].kind() == first) != wanted) ++from;
    if (from < given.size()) order.push_back(given[from++]);
  };
  while (order.size() < given.size()) {
    next(of_first, true);
    next(of_other, false);
  }
  return order;
}

/// Attempts that run side by side. Who has ended says so in a channel that has room for all.
struct race {
  race(thread_pool& runs_on, std::vector<address> order)
      : pool(runs_on), to(std::move(order)), ended(to.size()), attempts(runs_on) {
    got.reserve(to.size());
    while (got.size() < to.size()) got.emplace_back(errc::cancelled);
  }

  thread_pool& pool;
  std::vector<address> to;
  std::vector<result<stream>> got;  ///< `errc::cancelled` where no attempt was made, or none was over
  coro::channel<std::size_t> ended;
  coro::async_scope attempts;
};

coro::task<> attempt_one(race& in, std::size_t number) {
  try {
    result<stream> connected = co_await stream::connect(in.pool, in.to[number]);
    in.got[number] = std::move(connected);
  } catch (const std::bad_alloc&) {
    in.got[number] = errc::out_of_memory;
  }
  static_cast<void>(in.ended.try_send(number));
}

coro::task<result<std::size_t>> next_end(race& in) {
  try {
    const std::optional<std::size_t> number = co_await in.ended.receive();
    if (!number) co_return errc::cancelled;  // nobody closes the channel
    co_return *number;
  } catch (const std::system_error& stopped) {
    co_return stopped.code();
  }
}

/// Starts one attempt after the other until one connects, all have failed or this is asked to stop.
coro::task<> run(race& in, std::chrono::nanoseconds delay) {
  const std::size_t all = in.to.size();
  std::size_t over = 0;
  for (std::size_t next = 0; next < all; ++next) {
    in.attempts.spawn(attempt_one(in, next));
    const bool is_last = next + 1 == all;
    do {
      result<std::size_t> end = errc::timed_out;
      if (is_last) {
        end = co_await next_end(in);
      } else {
        end = co_await coro::with_timeout(delay, next_end(in));
      }
      if (end.error() == errc::timed_out) break;  // it goes on beside the next one
      if (!end || in.got[*end]) co_return;
      ++over;
    } while (is_last && over < all);
  }
}

/// All attempts are over. Returns what has connected, or why nothing has.
result<stream> outcome(race& over, std::vector<connect_failure>* failures) {
  bool all_failed = true;
  std::error_code stopped = errc::cancelled;
  for (auto& each : over.got) {
    if (each) return *std::move(each);
    if (each.error() == errc::cancelled || each.error() == errc::shut_down) all_failed = false;
    if (each.error() == errc::shut_down) stopped = each.error();
  }
  if (!all_failed) return stopped;
  if (failures != nullptr) {
    failures->clear();
    for (std::size_t i = 0; i < over.to.size(); ++i) failures->push_back({over.to[i], over.got[i].error()});
  }
  return over.got.front().error();
}

}  // namespace

coro::task<result<stream>> connect(thread_pool& pool, std::vector<address> candidates, connect_options options) {
  if (candidates.empty()) co_return std::make_error_code(std::errc::invalid_argument);
  race attempts(pool, interleaved(candidates));
  coro::task<> all_over = attempts.attempts.join();  // made now: later there must be no want of memory
  std::exception_ptr thrown;
  try {
    co_await run(attempts, options.attempt_delay);
  } catch (...) {
    thrown = std::current_exception();
  }
  attempts.attempts.request_stop();
  co_await std::move(all_over);
  if (thrown != nullptr) std::rethrow_exception(thrown);
  co_return outcome(attempts, options.failures);
}

coro::task<result<stream>> connect(thread_pool& pool, std::string host, std::string service, connect_options options) {
  result<std::vector<address>> found = co_await resolve(pool, std::move(host), std::move(service));
  if (!found) co_return found.error();
  co_return co_await connect(pool, *std::move(found), options);
}

}  // namespace treadle::io
