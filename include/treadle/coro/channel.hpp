#pragma once

#include <treadle/assert.hpp>
#include <treadle/coro/detail/selection.hpp>

#include <array>
#include <atomic>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace treadle::coro {

/// A bounded queue between coroutines, any number on either side. Items come out in the order in which they went in;
/// waiters on either side are served in the order in which they came. Allocates when it is made, never afterwards.
/// Must outlive every wait for it.
template <class T>
class channel {
  static constexpr std::memory_order relaxed = std::memory_order_relaxed;
  static_assert(std::is_nothrow_move_constructible_v<T>, "an item on its way must not throw");

  struct receiver final : detail::channel_part {
    struct init {
      detail::wait_state* state;
      channel* from;
    };
    explicit receiver(init&& with) noexcept : channel_part(*with.state), from_(with.from) {}
    treadle::detail::brief_lock<detail::system_policy>& lock() noexcept override { return from_->lock_; }
    bool is_ready() noexcept override { return from_->count_.load(relaxed) != 0 || from_->closed_.load(relaxed); }
    void take_now(batch& woken) noexcept override { from_->take_locked(item, woken); }
    void link() noexcept override { from_->receivers_.link(*this); }
    void unlink() noexcept override { from_->receivers_.unlink(*this); }
    std::optional<T> result() noexcept { return std::move(item); }

    std::optional<T> item;

   private:
    channel* from_;
  };

  struct sender final : detail::channel_part {
    struct init {
      detail::wait_state* state;
      channel* to;
      T item;
    };
    explicit sender(init&& with) noexcept : channel_part(*with.state), item(std::move(with.item)), to_(with.to) {}
    treadle::detail::brief_lock<detail::system_policy>& lock() noexcept override { return to_->lock_; }
    bool is_ready() noexcept override {
      return to_->count_.load(relaxed) < to_->capacity_ || to_->closed_.load(relaxed);
    }
    void take_now(batch& woken) noexcept override { sent = to_->put_locked(item, woken); }
    void link() noexcept override { to_->senders_.link(*this); }
    void unlink() noexcept override { to_->senders_.unlink(*this); }
    [[nodiscard]] bool result() const noexcept { return sent; }

    T item;
    bool sent = false;

   private:
    channel* to_;
  };

  /// The wait of a single operation.
  template <class Part>
  class awaiter {
   public:
    template <class... Fields>
    explicit awaiter(Fields&&... fields) noexcept
        : part_(typename Part::init{&selection_.state(), std::forward<Fields>(fields)...}) {}
    bool await_ready() noexcept { return selection_.try_now(parts_); }
    template <std::derived_from<detail::promise_base> Promise>
    bool await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
      return selection_.suspend(waiting, parts_);
    }
    auto await_resume() {
      if (selection_.settle(parts_) == detail::selection::nobody) detail::throw_cancelled();
      return part_.result();
    }

   private:
    detail::selection selection_;
    Part part_;
    std::array<detail::channel_part*, 1> parts_{&part_};
  };

 public:
  /// What `receive` returns: to be awaited, or given to `select`.
  class [[nodiscard]] receive_operation {
   public:
    using part = receiver;
    using result = std::optional<T>;
    explicit receive_operation(channel& from) noexcept : from_(&from) {}
    [[nodiscard]] typename part::init begin(detail::wait_state& state) noexcept { return {&state, from_}; }
    awaiter<part> operator co_await() && noexcept { return awaiter<part>(from_); }

   private:
    channel* from_;
  };
  /// What `send` returns: to be awaited, or given to `select`.
  class [[nodiscard]] send_operation {
   public:
    using part = sender;
    using result = bool;
    send_operation(channel& to, T&& item) noexcept : to_(&to), item_(std::move(item)) {}
    [[nodiscard]] typename part::init begin(detail::wait_state& state) noexcept {
      return {&state, to_, std::move(item_)};
    }
    awaiter<part> operator co_await() && noexcept { return awaiter<part>(to_, std::move(item_)); }

   private:
    channel* to_;
    T item_;
  };

  /// Holds up to `capacity` items, at least one. Throws std::bad_alloc.
  explicit channel(std::size_t capacity) : slots_(std::make_unique<std::optional<T>[]>(capacity)), capacity_(capacity) {
    TREADLE_ASSERT(capacity != 0, 0, 0);
  }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Awaited, waits for an item. Gives none once the channel is closed and empty. Throws `errc::cancelled` if the
  /// coroutine was asked to stop before there was one.
  receive_operation receive() noexcept { return receive_operation(*this); }
  /// Awaited, waits for room and puts the item in. Gives false if the channel is closed; then the item is gone. Throws
  /// `errc::cancelled`, with the item gone, if the coroutine was asked to stop before there was room.
  send_operation send(T item) noexcept { return send_operation(*this, std::move(item)); }

  /// Takes an item if there is one. Any thread; does not block.
  [[nodiscard]] std::optional<T> try_receive() noexcept {
    std::optional<T> item;
    batch woken;
    {
      const detail::brief_guard exclusive(lock_);
      take_locked(item, woken);
    }
    detail::flow::wake_all(woken);
    return item;
  }
  /// Puts `item` in if there is room and the channel is open; else leaves it as it was. Any thread; does not block.
  [[nodiscard]] bool try_send(T& item) noexcept {
    bool sent = false;
    batch woken;
    {
      const detail::brief_guard exclusive(lock_);
      if (count_.load(relaxed) < capacity_) sent = put_locked(item, woken);
    }
    detail::flow::wake_all(woken);
    return sent;
  }

  /// Lets nothing in any more, and ends the waits of those who wanted to send. What is in can still be received. Any
  /// thread, any number of times; does not block.
  void close() noexcept {
    batch woken;
    {
      const detail::brief_guard exclusive(lock_);
      closed_.store(true, relaxed);
      // Who waits to receive waits at an empty channel.
      while (take_part<receiver>(receivers_, woken) != nullptr) {
      }
      while (take_part<sender>(senders_, woken) != nullptr) {
      }
    }
    detail::flow::wake_all(woken);
  }
  /// Says whether the channel was closed. Any thread.
  [[nodiscard]] bool is_closed() noexcept {
    const detail::brief_guard exclusive(lock_);  // who sees it sees what was done before it was closed
    return closed_.load(relaxed);
  }

 private:
  /// Ends the wait of the first in the list, who is to be given something before the lock is let go.
  template <class Part>
  static Part* take_part(detail::wait_list& from, batch& woken) noexcept {
    bool must_wake = false;
    detail::waiter* const taken = detail::take_waiter(from, must_wake);
    if (taken == nullptr) return nullptr;
    auto* const part = static_cast<Part*>(taken);
    part->chosen = true;
    if (must_wake) woken.push(part->wait->waiting());
    return part;
  }

  void take_locked(std::optional<T>& item, batch& woken) noexcept {
    const std::size_t count = count_.load(relaxed);
    if (count == 0) return;
    item = std::move(slots_[first_]);
    slots_[first_].reset();
    first_ = first_ + 1 == capacity_ ? 0 : first_ + 1;
    count_.store(count - 1, relaxed);
    // Whoever waited for the room gets it, before any newcomer.
    if (sender* const waiting = take_part<sender>(senders_, woken)) {
      store_locked(waiting->item);
      waiting->sent = true;
    }
  }
  bool put_locked(T& item, batch& woken) noexcept {
    if (closed_.load(relaxed)) return false;
    if (receiver* const waiting = take_part<receiver>(receivers_, woken)) {
      waiting->item.emplace(std::move(item));
    } else {
      store_locked(item);
    }
    return true;
  }
  void store_locked(T& item) noexcept {
    const std::size_t count = count_.load(relaxed);
    const std::size_t at = first_ + count;
    slots_[at < capacity_ ? at : at - capacity_].emplace(std::move(item));
    count_.store(count + 1, relaxed);
  }

  treadle::detail::brief_lock<detail::system_policy> lock_;
  detail::wait_list receivers_;  ///< somebody whose wait is not over only while the channel is empty and open
  detail::wait_list senders_;    ///< the same while it is full and open
  std::unique_ptr<std::optional<T>[]> slots_;
  const std::size_t capacity_;
  std::size_t first_ = 0;
  // Changed with the lock held. Atomic, for who finds nothing to take goes to wait, and looks again with the lock.
  detail::system_policy::atomic<std::size_t> count_{0};
  detail::system_policy::atomic<bool> closed_{false};
};

}  // namespace treadle::coro
