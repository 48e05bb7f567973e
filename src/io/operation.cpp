#include "../os/io/epoll.hpp"
#include "../os/io/socket.hpp"
#include "accepting.hpp"
#include "address_access.hpp"
#include "attempt.hpp"

#include <treadle/assert.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/errc.hpp>
#include <treadle/io/operation.hpp>

#include <cerrno>
#include <utility>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::direction;
using detail::would_block;
using wheel = treadle::detail::timer_wheel<treadle::detail::system_policy>;

operation::operation(thread_pool& pool, callback_type on_end) noexcept
    : wakeable(ops, &pool.core(), treadle::detail::site_word::of_label("<operation>")),
      on_end_(on_end),
      runs_on_(pool) {}

operation::~operation() {
  // What a child of fork() has inherited is under way in the parent.
  TREADLE_ASSERT(!is_under_way() || pool().is_inherited(), static_cast<std::uint64_t>(what_), number_);
}

// ---- how it starts -------------------------------------------------------------------------------------------------

std::error_code operation::receive(stream& from, std::span<std::byte> into) noexcept {
  into_ = into.data();
  size_ = into.size();
  return start(kind::receive, from.socket_, direction::in);
}

std::error_code operation::send(stream& into, std::span<const std::byte> from) noexcept {
  from_ = from.data();
  size_ = from.size();
  return start(kind::send, into.socket_, direction::out);
}

std::error_code operation::send_all(stream& into, std::span<const std::byte> from) noexcept {
  from_ = from.data();
  size_ = from.size();
  return start(kind::send_all, into.socket_, direction::out);
}

std::error_code operation::accept(listener& at) noexcept {
  accepts_for_ = at.pool_;
  return start(kind::accept, at.socket_, direction::in);
}

std::error_code operation::connect(const address& peer) noexcept {
  TREADLE_ASSERT(!is_under_way(), static_cast<std::uint64_t>(what_), number_);
  const os::socket_address to = detail::address_access::read(peer);
  if (to.bytes == 0) return std::make_error_code(std::errc::invalid_argument);
  const int number = os::make_socket(to, os::socket_kind::stream);
  if (number < 0) return detail::system_error_of(number);
  result<descriptor> socket = descriptor::own(runs_on_, number);
  if (!socket) return socket.error();
  if (os::is_internet(to)) socket->place_->trust_short_reads();
  made_ = stream(*std::move(socket));
  const int returned = os::connect_to(number, to);
  failed_at_once_ = returned == -EINPROGRESS ? 0 : returned;
  const std::error_code refused = start(kind::connect, made_.socket_, direction::out);  // LAST TOUCH, unless refused
  if (refused) made_.close();
  return refused;
}

std::error_code operation::readable(descriptor& at) noexcept { return start(kind::readiness, at, direction::in); }
std::error_code operation::writable(descriptor& at) noexcept { return start(kind::readiness, at, direction::out); }

std::error_code operation::start(kind what, descriptor& at, direction which) noexcept {
  TREADLE_ASSERT(!is_under_way() && at.place_ != nullptr, static_cast<std::uint64_t>(what_), number_);
  if (const std::error_code refused = pool().admit_callback()) return refused;
  place_ = at.place_;
  number_ = at.number_;
  what_ = what;
  which_ = which;
  done_ = 0;
  error_ = {};
  stops().reopen();
  under_way_.store(true, std::memory_order_relaxed);
  if (step()) wake(*this);  // LAST TOUCH, in either case
  return {};
}

void operation::cancel() noexcept { static_cast<void>(request_stop()); }

// ---- how it goes on ------------------------------------------------------------------------------------------------

/// Calls until there is an answer, or the operation waits. Returns false if it does: then it may be gone.
bool operation::step() noexcept {
  for (;;) {
    const std::uint32_t seen = place_->edges(which_);
    const std::ptrdiff_t returned = call(seen);
    if (!would_block(returned)) {
      if (returned < 0) error_ = detail::system_error_of(returned);
      return true;
    }
    error_ = place_->watch(number_, which_);
    if (!error_) error_ = arm_expiry();
    if (error_) return true;
    detail::watched::wait& wait = wait_.emplace(place_->at(which_), seen);
    if (!wait.await_ready() && wait.begin(*this)) return false;  // LAST TOUCH
    if (is_over()) return true;
  }
}

/// Ends the wait, if there is one. Returns whether only the callback is left.
bool operation::is_over() noexcept {
  if (!wait_) return true;
  shows_nothing();
  error_ = wait_->await_resume();
  wait_.reset();
  return static_cast<bool>(error_);
}

std::ptrdiff_t operation::call(std::uint32_t seen) noexcept {
  switch (what_) {
    case kind::receive: {
      if (place_->is_drained(seen)) return -EAGAIN;
      bool emptied = false;
      const std::ptrdiff_t got = os::receive(number_, into_, size_, emptied);
      if (would_block(got)) return got;
      place_->note_receive(seen, emptied);
      if (got > 0) done_ = static_cast<std::size_t>(got);
      return got;
    }
    case kind::send:
    case kind::send_all:
      return send_more();
    case kind::accept:
      return take_connection();
    case kind::connect: {
      if (failed_at_once_ != 0) {
        error_ = detail::system_error_of(failed_at_once_);  // EAGAIN, too: no edge would tell
        return 0;
      }
      const int ready = os::is_ready(number_, os::writable);
      return ready < 0 ? ready : os::connect_result(number_);
    }
    case kind::readiness:
      break;
  }
  return os::is_ready(number_, which_ == direction::in ? os::readable : os::writable);
}

std::ptrdiff_t operation::send_more() noexcept {
  do {
    const std::ptrdiff_t sent = os::send(number_, from_ + done_, size_ - done_);
    if (sent < 0) return sent;
    done_ += static_cast<std::size_t>(sent);
  } while (what_ == kind::send_all && done_ < size_);
  return 0;
}

std::ptrdiff_t operation::take_connection() noexcept {
  os::socket_address peer;
  bool watches = false;
  const int taken = detail::accept_fed(*place_, number_, peer, false, watches);
  if (taken < 0) return taken;
  result<descriptor> socket = descriptor::own(*accepts_for_, taken);
  if (!socket) {
    error_ = socket.error();
    return 0;
  }
  if (os::is_internet(peer)) socket->place_->trust_short_reads();
  made_ = stream(*std::move(socket));
  return 0;
}

/// Only the callback is left: an expiry that comes no more, or has come, leaves it to us.
void operation::finish() noexcept {
  if (expiry_) {
    // In a child of fork() nobody expires it, and the wheel may be locked.
    const bool comes_no_more = pool().is_inherited() || wheel::cancel(expiry_->node);
    if (!comes_no_more && expiry_->met.wait()) return;  // LAST TOUCH
  }
  call_back();
}

void operation::call_back() noexcept {
  if (expiry_) {
    if (error_ == errc::cancelled && expiry_->why) error_ = expiry_->why;
    expiry_.reset();
  }
  deadline_ns_ = treadle::detail::no_deadline;
  if (error_ && what_ == kind::connect) made_.close();
  under_way_.store(false, std::memory_order_relaxed);
  on_end_(*this);  // LAST TOUCH: the callback may free the operation or start it again
}

void operation::run_queued(internal_task* queued) noexcept {
  auto& self = *static_cast<operation*>(queued);
  if (self.is_over() || self.step()) self.finish();
}

/// The pool takes no task any more: whoever finds out calls back.
bool operation::cancel_queued(internal_task* queued) noexcept {
  auto& self = *static_cast<operation*>(queued);
  if (self.wait_) {
    static_cast<void>(self.is_over());
    self.error_ = errc::cancelled;
  }
  self.finish();
  return true;
}

// ---- the deadline --------------------------------------------------------------------------------------------------

operation::expiry::expiry(operation& limited) noexcept
    : internal_task(ops, treadle::detail::site_word::of_label("<operation>")), of(limited) {
  node.work = static_cast<treadle::task*>(this);
}

void operation::expiry::run(internal_task* queued) noexcept {
  auto& self = *static_cast<expiry*>(queued);
  operation& late = self.of;  // there until both have met
  // Before its time it comes with the end of the pool.
  const errc why = treadle::detail::monotonic_ns() >= late.deadline_ns_ ? errc::timed_out : errc::shut_down;
  if (late.request_stop()) self.why = why;
  if (self.met.end()) late.call_back();  // LAST TOUCH, in either case
}

/// The pool takes no task any more: it comes all the same.
bool operation::expiry::run_unqueued(internal_task* queued) noexcept {
  run(queued);
  return true;
}

void operation::set_deadline(std::int64_t deadline_ns) noexcept {
  TREADLE_ASSERT(!is_under_way(), static_cast<std::uint64_t>(what_), number_);
  deadline_ns_ = deadline_ns;
}

/// Before a wait. What is armed stays so until the end: an operation may wait several times.
std::error_code operation::arm_expiry() noexcept {
  if (deadline_ns_ == treadle::detail::no_deadline || expiry_) return {};
  const std::error_code refused = pool().arm_timer(expiry_.emplace(*this).node, deadline_ns_, false);
  if (refused) expiry_.reset();
  return refused;
}

}  // namespace treadle::io
