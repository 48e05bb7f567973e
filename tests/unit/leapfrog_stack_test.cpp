#include <tasks.hpp>
#include <waiting.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <thread>

// What leapfrogging does to a worker's native stack: docs/design/fork-stack.md, "Depth".

namespace treadle::test {
namespace {

/// Of the branch that a thread runs.
struct innermost {
  unsigned level = 0;  ///< in the tree; 0: the thread runs none
  const char* base = nullptr;
};
thread_local innermost here;

struct measured {
  std::atomic<bool> is_one_path{true};
  std::atomic<std::size_t> most_bytes{0};
  std::atomic<std::uint64_t> leaves{0}, leapfrogs{0};
};

void raise(std::atomic<std::size_t>& most, std::size_t bytes) {
  std::size_t before = most.load();
  while (before < bytes && !most.compare_exchange_weak(before, bytes)) {
  }
}

[[gnu::noinline]] void descend(worker& self, measured& seen, unsigned level, unsigned depth) {
  // Not the address of a local: the address sanitizer keeps those elsewhere.
  const char* const frame = static_cast<const char*>(__builtin_frame_address(0));
  const innermost below = here;
  if (level <= below.level) seen.is_one_path = false;
  if (below.level != 0 && level > below.level + 1) ++seen.leapfrogs;
  here.level = level;
  if (below.level == 0) here.base = frame;
  raise(seen.most_bytes, static_cast<std::size_t>(here.base - frame));
  if (level == depth) {
    ++seen.leaves;
    // Some branches take long, so that others are stolen from under those who wait for them.
    if (seen.leaves.load() % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
  } else {
    fork_join(
        self, [&](worker& w) { descend(w, seen, level + 1, depth); },
        [&](worker& w) { descend(w, seen, level + 1, depth); });
  }
  here = below;
}

class leapfrog_stack : public with_workers {};
INSTANTIATE_TEST_SUITE_P(widths, leapfrog_stack, worker_counts(), worker_count_name);

/// A worker that waits for a branch runs only what that branch has forked. So what lies on its stack is one path down
/// the tree, and no stack grows beyond that of serial code but by what the joins on the path put between.
TEST_P(leapfrog_stack, holds_one_path_of_the_tree) {
  constexpr unsigned depth = 12;
  measured alone, together;
  {
    thread_pool pool{{.max_threads = 1}};
    pool.run([&](worker& self) { descend(self, alone, 1, depth); });
  }
  thread_pool pool{config()};
  for (int i = 0; i < 3; ++i) pool.run([&](worker& self) { descend(self, together, 1, depth); });
  EXPECT_TRUE(together.is_one_path);
  EXPECT_EQ(together.leaves, 3 * alone.leaves);
  EXPECT_LE(together.most_bytes, 3 * alone.most_bytes + 4096);
  std::printf("workers %u: deepest stack %zu bytes, serial %zu; %llu leapfrogs\n", pool.worker_limit(),
              together.most_bytes.load(), alone.most_bytes.load(),
              static_cast<unsigned long long>(together.leapfrogs.load()));
}

}  // namespace
}  // namespace treadle::test
