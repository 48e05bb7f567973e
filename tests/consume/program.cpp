// What a stranger's program does first. Built against treadle in each way that the README names.
#include <treadle/treadle.hpp>

#include <array>
#include <atomic>
#include <cstdio>
#include <utility>

namespace {

constinit treadle::thread_pool pool;
std::atomic<int> total{0};

struct adding_task : treadle::task {
  adding_task() noexcept : task(&run) {}
  static void run(treadle::task* self) noexcept {
    total.fetch_add(static_cast<adding_task*>(self)->amount, std::memory_order_relaxed);
  }
  int amount = 0;
};

int fail(const char* what, const std::error_code& error) {
  std::fprintf(stderr, "%s: %s\n", what, error.message().c_str());
  return 1;
}

}  // namespace

int main() {
  std::array<adding_task, 1000> tasks;
  treadle::batch all;
  int expected = 0;
  for (adding_task& each : tasks) {
    each.amount = ++expected % 7;
    all.push(each);
  }
  expected = 0;
  for (const adding_task& each : tasks) expected += each.amount;

  if (auto error = pool.schedule(std::move(all))) return fail("schedule", error);
  if (auto error = pool.drain()) return fail("drain", error);
  if (total.load() != expected) {
    std::fprintf(stderr, "total is %d, not %d\n", total.load(), expected);
    return 1;
  }
  std::printf("treadle %s: %zu tasks ran\n", TREADLE_VERSION_STRING, tasks.size());
  return 0;
}
