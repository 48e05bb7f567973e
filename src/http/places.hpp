#pragma once

#include <treadle/coro/event.hpp>
#include <treadle/coro/task.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace treadle::http::detail {

class places;

/// The right to have one request started. Move-only; any thread may give it back.
class [[nodiscard]] place {
 public:
  place() noexcept = default;
  place(place&& other) noexcept = default;
  place& operator=(place&& other) noexcept {
    if (this != &other) {
      release();
      of_ = std::move(other.of_);
      host_ = std::exchange(other.host_, nullptr);
    }
    return *this;
  }
  ~place() { release(); }

  /// Gives it back, and wakes those who may start now. With no lock held.
  void release() noexcept;
  explicit operator bool() const noexcept { return of_ != nullptr; }

 private:
  friend class places;
  place(std::shared_ptr<places> of, void* host) noexcept : of_(std::move(of)), host_(host) {}

  std::shared_ptr<places> of_;
  void* host_ = nullptr;
};

/// Who may start: so many in all, and so many a host. First come first served among those whose host has room.
/// After each change nobody waits who may start.
class places : public std::enable_shared_from_this<places> {
 public:
  places(unsigned most, unsigned most_per_host) noexcept;

  /// Waits for a place. Throws `errc::cancelled` if the coroutine was asked to stop before, or the client ends.
  coro::task<place> acquire(std::string host);
  void set_most(unsigned most) noexcept;
  void set_most_per_host(unsigned most) noexcept;
  /// Ends all waits, now and later.
  void close() noexcept;

  [[nodiscard]] std::size_t started() noexcept;
  [[nodiscard]] std::size_t waiting() noexcept;

 private:
  friend class place;
  struct host_queue;

  /// Somebody who waits. Its own object, for it is woken with no lock held.
  struct ticket {
    coro::event called;
    std::uint64_t number = 0;
    host_queue* of = nullptr;
    bool has_place = false;
    std::shared_ptr<ticket> next;  ///< of its host's queue, then of those to be woken
    ticket* before = nullptr;
  };
  using turns = std::map<std::uint64_t, host_queue*>;

  /// A host that has started requests, or some that wait.
  struct host_queue {
    const std::string* name = nullptr;
    std::size_t started = 0;
    std::shared_ptr<ticket> first;
    ticket* last = nullptr;
    turns::node_type spare;  ///< its entry in `eligible_`, while it has none: nothing is allocated to give a place
    turns::iterator entry;
    bool is_eligible = false;
  };

  [[nodiscard]] host_queue& queue_of(std::string host);
  void start_now(host_queue& of) noexcept;
  void give_back(host_queue& of) noexcept;
  void link(host_queue& to, std::shared_ptr<ticket> added) noexcept;
  std::shared_ptr<ticket> unlink(ticket& from) noexcept;
  [[nodiscard]] bool has_room(const host_queue& of) const noexcept;
  void update(host_queue& changed) noexcept;
  void forget_if_unused(host_queue& changed) noexcept;
  [[nodiscard]] std::shared_ptr<ticket> call_next() noexcept;
  static void wake(std::shared_ptr<ticket> called) noexcept;
  [[nodiscard]] bool leave(ticket& mine) noexcept;

  std::mutex mutex_;
  std::size_t most_, most_per_host_;
  std::size_t started_ = 0, waiting_ = 0;
  std::uint64_t next_number_ = 0;
  bool is_closed_ = false;
  std::unordered_map<std::string, host_queue> hosts_;
  turns eligible_;  ///< hosts with room and somebody who waits, by who has waited longest
};

}  // namespace treadle::http::detail
