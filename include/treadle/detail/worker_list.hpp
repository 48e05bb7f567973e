#pragma once

#include <treadle/assert.hpp>
#include <treadle/config.hpp>
#include <treadle/detail/catch_pace.hpp>
#include <treadle/detail/event.hpp>
#include <treadle/detail/fork_stack.hpp>
#include <treadle/detail/local_queue.hpp>
#include <treadle/detail/next_slot.hpp>
#include <treadle/detail/poll_driver.hpp>
#include <treadle/detail/spin_time.hpp>

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// Whether a thread lives on a record. `vacant` and `left` ones may be taken by whoever starts a thread.
enum class record_state : std::uint32_t {
  vacant = 0,
  starting = 1,  ///< a starter owns it
  live = 2,      ///< its thread runs
  left = 3,      ///< its thread is ending; the OS thread is still to be joined
};

/// What a worker does while it runs no task, for those who cancel.
enum class activity : std::uint32_t { gone = 0, awake, parked, in_branch };

/// What one worker owns, and what others may touch of it. Mapped from its first use until the pool is joined.
template <class P, class Task>
struct worker_record {
  explicit worker_record(std::uint32_t own_index) noexcept
      : index(own_index), random(own_index * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du) {}

  // Any thread.
  event<P> wake_up;
  typename P::template atomic<record_state> state{record_state::vacant};
  local_queue<P, Task> own;
  fork_stack<P>* forks = nullptr;  ///< never changed once the record is in the list; null where nothing can be forked

  alignas(TREADLE_CACHE_LINE) next_slot<P, Task> upcoming;

  // The worker's own. The counters are read by any thread and written by the owner only.
  struct counters {
    typename P::template atomic<std::uint64_t> started{0}, ran{0}, stolen{0}, steals{0}, failed_steals{0},
        steal_retries{0}, parks{0}, wakes{0}, spins{0}, blocking_sections{0}, forks_exposed{0}, forks_stolen{0},
        leapfrogs{0}, from_overflow{0}, timers{0}, io_ticks{0}, io_completions{0};
  };
  alignas(TREADLE_CACHE_LINE)
      typename P::template atomic<std::uint64_t> doing{0};  ///< activity, and how often it changed
  typename P::template atomic<std::uint32_t> admitting{0};  ///< a task of the pool's making is on its way in
  counters count;
  const std::uint32_t index;
  std::uint32_t until_injected = 1;  ///< tasks to start until the injected queue is served again
  std::uint64_t random;
  spin_time spin;
  bool searcher = false;    ///< holds the pool's one searcher token
  bool just_woken = false;  ///< has not found work since it was woken
  std::uint32_t blocking_depth = 0;
  std::uint32_t kept_in_row = 0;  ///< tasks out of `upcoming` since one came from elsewhere
  catch_pace pace;
  fork_node<P>* stolen = nullptr;  ///< a fork that the last search brought
  std::int64_t nap_ns = 0;         ///< how long it sleeps between two looks; 0: it is not the lookout
  std::uint32_t looks_in_vain = 0;
  std::int64_t keeps_until_ns = INT64_MAX;  ///< when it gets up for a timer; never: it is not the keeper
  std::uint32_t interval = 1;               ///< tasks between two looks, while timers are armed
  std::int64_t looked_ns = 0;               ///< when it last looked at the injected queue between two tasks
  bool polls = false;                       ///< sleeps in the driver, or is about to
  poll_batch arrived;                       ///< what the driver brought, as yet undelivered
  void* host = nullptr;                     ///< the pool, for the thread's entry
  void* thread = nullptr;                   ///< what the operating system's floor keeps of the thread

  [[nodiscard]] std::uint32_t shared_forks() const noexcept { return forks != nullptr ? forks->shared_count() : 0; }
  /// Says whether there is something here that nobody was woken for: forks, or what the worker runs next.
  [[nodiscard]] bool offers_something() const noexcept { return shared_forks() != 0 || !upcoming.is_empty(); }
  [[nodiscard]] bool offers_something_ripe() const noexcept {
    return (forks != nullptr && forks->is_ripe()) || upcoming.is_ripe();
  }
  /// Says what the worker does from now on. The worker, or the starter who owns the record.
  void become(activity next) noexcept {
    const std::uint64_t changes = (doing.load(std::memory_order_relaxed) >> 2) + 1;
    doing.store((changes << 2) | static_cast<std::uint64_t>(next), std::memory_order_release);  // E-DOING
  }
  /// Says whether the worker neither has tasks in its hands nor brings one in. Adds to `stamp` what only grows with
  /// each step of the worker, so that two equal sums mean that nobody moved.
  [[nodiscard]] bool is_settled(std::uint64_t& stamp) const noexcept {
    const std::uint64_t now = doing.load(std::memory_order_acquire);  // E-DOING
    std::uint64_t ended = 0;
    const std::uint64_t running = count_running(ended);
    stamp += now + 2 * ended + running;
    if (admitting.load(std::memory_order_acquire) != 0) return false;  // E-ADMIT
    return static_cast<activity>(now & 3) != activity::awake || running != 0;
  }
  /// Returns how many tasks the worker has started and not ended, and in `ended` how many it has. What ends between
  /// the two readings counts as running: in one of the two, never in both.
  [[nodiscard]] std::uint64_t count_running(std::uint64_t& ended) const noexcept {
    ended = count.ran.load(std::memory_order_acquire);  // E-DOING
    return count.started.load(std::memory_order_relaxed) - ended;
  }
  static void bump(typename P::template atomic<std::uint64_t>& counter, std::uint64_t by = 1) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::uint64_t next_random() noexcept {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
  }
};

/// The pool's records by index: made on first use, never moved, found again by whoever starts a thread.
/// After the seed's linked list of threads; a table, so that thieves start anywhere and a left thread's record is
/// reused.
template <class P, class Record>
class worker_list {
 public:
  using cell = typename P::template atomic<Record*>;

  constexpr worker_list() noexcept = default;
  worker_list(const worker_list&) = delete;
  worker_list& operator=(const worker_list&) = delete;

  /// Gives the list its table. Before any other use.
  void adopt(cell* table, std::uint32_t capacity) noexcept {
    table_ = table;
    capacity_ = capacity;
  }
  [[nodiscard]] cell* table() const noexcept { return table_; }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

  /// Takes the lowest vacant record, making it if it does not exist yet. The caller has claimed a place in the sync
  /// word, so one comes free if all are taken. Returns null when no record can be made.
  template <class Make, class Reclaim>
  Record* take_vacant(Make&& make, Reclaim&& reclaim) noexcept {
    for (;;) {
      for (std::uint32_t i = 0; i < capacity_; ++i) {
        Record* record = table_[i].load(std::memory_order_acquire);  // E-RECORD
        if (record == nullptr) {
          Record* made = make(i);
          if (made == nullptr) return nullptr;
          made->state.store(record_state::starting, std::memory_order_relaxed);
          if (table_[i].compare_exchange_strong(record, made, std::memory_order_release,  // E-RECORD
                                                std::memory_order_acquire)) {
            raise_count(i + 1);
            return made;
          }
          reclaim(made);
        }
        if (try_take(*record)) return record;
      }
      P::yield();
    }
  }

  /// Returns how many records may exist: those below are made or being made. What is in one `at` tells.
  [[nodiscard]] std::uint32_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
  /// Returns a record, or null if it is just being made.
  [[nodiscard]] Record* at(std::uint32_t i) const noexcept {
    return table_[i].load(std::memory_order_acquire);  // E-RECORD
  }

 private:
  static bool try_take(Record& record) noexcept {
    record_state now = record.state.load(std::memory_order_relaxed);
    if (now != record_state::vacant && now != record_state::left) return false;
    // E-RECORD: the next thread on the record sees what the last one left in it.
    return record.state.compare_exchange_strong(now, record_state::starting, std::memory_order_acquire,
                                                std::memory_order_relaxed);
  }

  void raise_count(std::uint32_t to) noexcept {
    std::uint32_t now = count_.load(std::memory_order_relaxed);
    while (now < to && !count_.compare_exchange_weak(now, to, std::memory_order_relaxed, std::memory_order_relaxed)) {
    }
  }

  cell* table_ = nullptr;
  std::uint32_t capacity_ = 0;
  typename P::template atomic<std::uint32_t> count_{0};
};

}  // namespace treadle::detail
