#include "../workload/forks.hpp"
#include "../workload/posting.hpp"
#include "../workload/work/rows.hpp"
#include "algorithms.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

/// What the machine itself costs: no pool at all. Rows of the others are held against these.
namespace {

using bench::answer;
using bench::plain_fork;
using bench::request;
using bench::serial_fork;

/// The least a hand-over can be: a semaphore on one futex word, and threads that sleep on it.
class semaphore {
 public:
  void post() noexcept {
    count_.fetch_add(1, std::memory_order_release);
    syscall(SYS_futex, &count_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  void wait() noexcept {
    for (;;) {
      std::uint32_t seen = count_.load(std::memory_order_relaxed);
      if (seen > 0 && count_.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire)) return;
      if (seen == 0) syscall(SYS_futex, &count_, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
    }
  }

 private:
  std::atomic<std::uint32_t> count_{0};
};

semaphore handed_over;

template <class Body>
void start_sleepers(unsigned count, Body body) {
  for (unsigned i = 0; i < count; ++i) {
    std::thread([body] {
      for (;;) {
        handed_over.wait();
        body();
      }
    }).detach();
  }
  bench::sleep_ns(20'000'000);
}

void wake(const request& asked, answer& given) {
  static bench::handover slot;
  bench::pin_as_worker(asked);
  start_sleepers(asked.workers(), [] { slot.arrive(); });
  bench::measure_latency(asked, given, slot, [] { handed_over.post(); });
}

void trickle(const request& asked, answer& given) {
  start_sleepers(1, [] {
    bench::spin_ns(bench::trickle_task_ns);
    bench::tick();
  });
  bench::measure_trickle(
      asked, given, [] { handed_over.post(); }, [](std::uint64_t all) { bench::wait_for_ticks(all); });
}

/// The submitter runs the tasks itself.
void trickle_inline(const request& asked, answer& given) {
  bench::measure_trickle(
      asked, given, [] { bench::spin_ns(bench::trickle_task_ns); }, [](std::uint64_t) {});
}

void quicksort_serial(const request& asked, answer& given) {
  std::vector<std::int32_t> values(asked.number("n", 10'000'000));
  bench::posting::measure_sort(asked, given, values, bench::sort_serially);
}

/// What two threads cannot beat: the first partition, which is serial, then two sorts of half the array that have
/// nothing to do with each other.
void quicksort_bound(const request& asked, answer& given) {
  std::vector<std::int32_t> whole(asked.number("n", 10'000'000));
  std::vector<std::int32_t> left(whole.size() / 2);
  std::vector<std::int32_t> right(whole.size() - left.size());
  const auto shuffle = [&] {
    bench::fill_shuffled(whole);
    bench::fill_shuffled(left, 1);
    bench::fill_shuffled(right, 2);
  };
  bench::measure(asked, given, 1, shuffle, [&] {
    bench::partition(whole);
    std::thread other([&] { bench::sort_serially(right); });
    bench::sort_serially(left);
    other.join();
  });
  bench::require_sorted(left);
  bench::require_sorted(right);
}

/// A producer that links its tasks into a lock-free stack and nothing else: one compare-exchange each, nobody takes.
void floor_push(const request& asked, answer& given) {
  struct link {
    link* next = nullptr;
    void* callback = nullptr;
  };
  std::vector<link> links(asked.number("n", 1'000'000));
  std::atomic<link*> top{nullptr};
  bench::measure(asked, given, links.size(), [&] {
    for (link& each : links) {
      each.next = top.load(std::memory_order_relaxed);
      while (!top.compare_exchange_weak(each.next, &each, std::memory_order_release, std::memory_order_relaxed)) {
      }
    }
  });
}

/// An addition to a cell that no other thread knows.
void floor_rmw(const request& asked, answer& given) {
  const std::uint64_t n = asked.number("n", 10'000'000);
  std::atomic<std::uint64_t> cell{0};
  bench::measure(asked, given, n, [&] {
    for (std::uint64_t i = 0; i < n; ++i) cell.fetch_add(1, std::memory_order_relaxed);
  });
}

/// One way of a cache line from one processor to another.
void floor_pingpong(const request& asked, answer& given) {
  const std::uint64_t n = asked.number("n", 1'000'000);
  static std::atomic<std::uint64_t> ball{0};
  bench::measure(asked, given, n, [&] {
    ball = 0;
    std::thread other([n] {
      bench::pin_to(1);
      for (std::uint64_t i = 1; i < n; i += 2) {
        while (ball.load(std::memory_order_acquire) != i) {
        }
        ball.store(i + 1, std::memory_order_release);
      }
    });
    bench::pin_to(0);
    for (std::uint64_t i = 0; i < n; i += 2) {
      ball.store(i + 1, std::memory_order_release);
      while (ball.load(std::memory_order_acquire) != i + 2) {
      }
    }
    other.join();
  });
}

/// Waking when nobody sleeps: the system call that a pool must not make.
void floor_futex_wake(const request& asked, answer& given) {
  const std::uint64_t n = asked.number("n", 1'000'000);
  std::uint32_t word = 0;
  bench::measure(asked, given, n, [&] {
    for (std::uint64_t i = 0; i < n; ++i) syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  });
}

void idle(const request& asked, answer& given) {
  start_sleepers(asked.workers(), [] {});
  bench::measure_idle(asked, given);
}

std::uint64_t fib_as_written(std::uint64_t n) { return n < 2 ? n : fib_as_written(n - 1) + fib_as_written(n - 2); }

void fib(const request& asked, answer& given) {
  if (asked.text("form", "plain") == "serial") return bench::measure_fib(asked, given, fib_as_written);
  bench::measure_fib(asked, given, bench::fib_plain);
}

/// The forms of a call: `serial` lets the compiler do what it can, `plain` does not.
template <class Fork>
struct calls {
  explicit calls(unsigned) {}

  template <class F>
  auto enter(F&& f) {
    return f(Fork{});
  }
};

template <void (*Serial)(const request&, answer&), void (*Plain)(const request&, answer&)>
void in_form(const request& asked, answer& given) {
  (asked.text("form", "plain") == "serial" ? Serial : Plain)(asked, given);
}

constexpr bench::entry rows[] = {
    {"fib", fib},
    {"small_trees", in_form<bench::small_trees<calls<serial_fork>>, bench::small_trees<calls<plain_fork>>>},
    {"entered_trees", in_form<bench::entered_trees<calls<serial_fork>>, bench::entered_trees<calls<plain_fork>>>},
    {"wake", wake},
    {"trickle", trickle},
    {"trickle_inline", trickle_inline},
    {"quicksort_serial", quicksort_serial},
    {"quicksort_bound", quicksort_bound},
    {"floor_push", floor_push},
    {"floor_rmw", floor_rmw},
    {"floor_pingpong", floor_pingpong},
    {"floor_futex_wake", floor_futex_wake},
    {"idle", idle},
};

}  // namespace

int main(int argc, char** argv) {
  bench::serve_any(argc, argv, {rows, bench::bare_rows, bench::loops_of_peer(), bench::numbers_of_peer()});
}
