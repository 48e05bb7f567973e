#include "../os/io/uring.hpp"
#include "epoll_driver.hpp"
#include "ring_call.hpp"

#include <treadle/io/backend.hpp>
#include <treadle/this_worker.hpp>
#include <treadle/thread_pool.hpp>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace treadle::io {

namespace os = treadle::detail::os;

namespace {

backend choose() noexcept {
  backend chosen;
  const char* const text = secure_getenv("TREADLE_IO");
  const std::string_view wish = text != nullptr ? text : "auto";
  if (wish == "epoll") return chosen;
  chosen.wish_is_unknown = wish != "auto" && wish != "uring";
  const os::ring_facts& facts = os::facts_of_rings();
  if (facts.refused != 0) {
    chosen.refused = {-facts.refused, std::system_category()};
    return chosen;
  }
  chosen.rings = wish == "uring" ? backend::rings_for::everything : backend::rings_for::files;
  chosen.submissions = facts.shape.submissions;
  chosen.answers = facts.shape.answers;
  chosen.flags = facts.flags;
  chosen.feeds_sockets = wish == "uring" && facts.repeats;
  return chosen;
}

}  // namespace

const backend& current_backend() noexcept {
  static const backend chosen = choose();
  return chosen;
}

namespace {

std::string describe_rings(const backend& shown) {
  if (shown.refused == std::errc::function_not_supported) return "epoll; no io_uring: this build or system has none";
  if (shown.refused) return "epoll; no io_uring: " + shown.refused.message();
  if (shown.rings == backend::rings_for::nothing) return "epoll; io_uring is not asked for (TREADLE_IO)";
  const bool all = shown.rings == backend::rings_for::everything;
  return std::string(all ? "io_uring" : "epoll for sockets, io_uring for files") + ", a ring a worker of " +
         std::to_string(shown.submissions) + " submissions and " + std::to_string(shown.answers) + " answers";
}

}  // namespace

std::string describe(const backend& shown) {
  return describe_rings(shown) +
         (shown.wish_is_unknown ? "; TREADLE_IO is none of epoll, auto and uring: taken for auto" : "");
}

ring_stats stats_of_rings(thread_pool& of) noexcept {
  const auto* const driver = static_cast<const detail::epoll_driver*>(of.core().driver());
  if (driver == nullptr) return {};
  return {driver->rings().begun(), driver->rings().refused(), driver->rings().submissions()};
}

namespace detail {

bool has_rings() noexcept { return current_backend().rings != backend::rings_for::nothing; }

bool has_feeds() noexcept { return current_backend().feeds_sockets; }

bool has_rings_for_sockets() noexcept {
  return current_backend().rings == backend::rings_for::everything && os::facts_of_rings().cancels;
}

coro::detail::wait_kind ring_wait::kind_of(os::ring_call what) noexcept {
  switch (what) {
    case os::ring_call::receive:
    case os::ring_call::accept:
    case os::ring_call::receive_many:
    case os::ring_call::accept_many:
      return coro::detail::wait_kind::readable;
    case os::ring_call::send:
    case os::ring_call::connect:
      return coro::detail::wait_kind::writable;
    case os::ring_call::read:
    case os::ring_call::write:
    case os::ring_call::sync:
      break;
  }
  return coro::detail::wait_kind::file;
}

bool socket_call::start() noexcept {
  coro::detail::flow& self = *own_.waiting;
  // Under the lock of the list: a request to stop finds the operation begun, or is found here.
  begun_ = !self.is_abandoned() && self.stops().add_begun(*this, [this] { return begin_operation(own_, request_); });
  return begun_;
}

std::ptrdiff_t socket_call::await_resume() noexcept {
  if (begun_) own_.waiting->stops().remove(*this);  // whoever tries to cancel it may still be inside
  return own_.result;
}

void socket_call::reach(node& reached, batch& woken) noexcept {
  static_cast<void>(woken);  // the kernel's answer wakes it
  operation& begun = static_cast<socket_call&>(reached).own_;
  if (!begun.waiting->pool().is_inherited()) cancel_operation(begun);
}

void cancel_operation(operation& begun) noexcept { begun.on->cancel(worker_ring::key_of(begun)); }

bool begin_operation(operation& made, const os::ring_request& request) noexcept {
  pool_core& pool = made.waiting->pool();
  if (this_worker::pool() != &pool.face()) return false;  // where a coroutine unwinds
  const result<epoll_driver*> driver = driver_of(pool);
  if (!driver) return false;
  made.on = (*driver)->own_ring();
  return (*driver)->begin(made, request);
}

}  // namespace detail
}  // namespace treadle::io
