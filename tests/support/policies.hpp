#pragma once

#include <treadle/detail/scheduler.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/task.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace treadle::test {

/// The kernels as they are, but for one faulty step of the seed. Defect 0 is none.
template <int Defect>
struct with_seed_defect : detail::system_policy {
  static constexpr bool seed_defect(int asked) noexcept { return asked == Defect && Defect != 0; }
};

/// A ring of four: full, empty and around its end all the time.
struct small_ring_policy : detail::system_policy {
  static constexpr std::uint32_t ring_capacity = 4;
  static constexpr ring_index lease_capacity = 2;
  static constexpr ring_index least_lease = 2;
};
/// The same with indices of three bits, which wrap too. For one thread: a thief that stalls can be fooled by a wrap.
struct tiny_ring_policy : small_ring_policy {
  static constexpr ring_index ring_index_mask = 7;
};

/// Notes where each of a kernel's words lies, in the order in which they are made.
struct locating_policy : detail::system_policy {
  static std::vector<std::uintptr_t>& places() {
    static std::vector<std::uintptr_t> noted;
    return noted;
  }
  static void note(const void* place) { places().push_back(reinterpret_cast<std::uintptr_t>(place)); }

  template <class T>
  struct atomic : std::atomic<T> {
    atomic() noexcept { note(this); }
    atomic(T value) noexcept : std::atomic<T>(value) { note(this); }
    using std::atomic<T>::operator=;
  };
  template <class T>
  struct plain : detail::system_policy::plain<T> {
    plain() noexcept { note(this); }
    explicit plain(T value) noexcept : detail::system_policy::plain<T>(value) { note(this); }
  };
};

/// A scheduler without threads: the test plays them. Its sleepers are records that have announced that they wait.
template <class P>
class manual_host : public detail::scheduler<P, task, manual_host<P>> {
 public:
  using base = detail::scheduler<P, task, manual_host<P>>;
  using record = typename base::record;
  static constexpr std::uint32_t capacity = 16;

  explicit manual_host(std::uint32_t width) {
    this->workers().adopt(cells_.data(), capacity);
    this->set_limits({.width = width, .limit = width, .spin_ns = 0, .retire_ns = 1});
  }

  /// Adds a worker that runs. All are added before the first of them falls asleep.
  record& add_awake() {
    static_cast<void>(this->sync().claim_wake(capacity, capacity, false));
    static_cast<void>(this->sync().release_search());
    record* const made =
        this->workers().take_vacant([&](std::uint32_t index) { return make_record(index); }, [](record*) {});
    if (made == nullptr) std::abort();  // no memory
    made->state.store(detail::record_state::live, std::memory_order_relaxed);
    made->become(detail::activity::awake);
    return *made;
  }
  void add_sleepers(std::size_t count) {
    std::vector<record*> added;
    for (std::size_t i = 0; i < count; ++i) added.push_back(&add_awake());
    for (record* const each : added) fall_asleep(*each);
  }
  void fall_asleep(record& worker) {
    worker.wake_up.arm();
    sleepers_.push_back(&worker);
    worker.become(detail::activity::parked);
    static_cast<void>(this->sync().announce_idle(false));
    static_cast<void>(this->injected().arm());
  }

  // What the scheduler asks of its host.
  bool ensure_started() noexcept { return true; }
  record* make_record(std::uint32_t index) noexcept {
    records_.push_back(std::make_unique<record>(index));
    return records_.back().get();
  }
  static void drop_record(record*) noexcept {}
  bool start_thread(record&) noexcept {
    ++starts;
    if (failures == 0) return true;
    --failures;
    return false;
  }
  void thread_refused() noexcept {}
  void before_park(record&) noexcept {}
  static void call_branch(record&, detail::fork_node<P>&) noexcept {}
  void added_to_injected(std::size_t) noexcept {}
  void taken_from_injected(std::size_t) noexcept {}
  template <class Record>
  static void stamp(Record&) noexcept {}

  /// How many sleepers have been woken since they lay down, and how many of them as the searcher.
  struct woken_count {
    std::size_t all = 0, searchers = 0;
  };
  woken_count count_woken() {
    woken_count count;
    for (record* const each : sleepers_) {
      const detail::event_result result = each->wake_up.disarm();
      if (result == detail::event_result::timed_out) continue;
      ++count.all;
      count.searchers += result == detail::event_result::granted ? 1 : 0;
    }
    return count;
  }

  std::size_t starts = 0;
  std::size_t failures = 0;  ///< how many further starts fail

 private:
  std::array<typename detail::worker_list<P, record>::cell, capacity> cells_{};
  std::vector<std::unique_ptr<record>> records_;
  std::vector<record*> sleepers_;
};

}  // namespace treadle::test
