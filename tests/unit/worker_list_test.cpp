#include <policies.hpp>
#include <waiting.hpp>

#include <treadle/detail/worker_list.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace treadle::test {
namespace {

using detail::record_state;

struct small_record {
  explicit small_record(std::uint32_t own_index) : index(own_index) {}
  std::atomic<record_state> state{record_state::vacant};
  const std::uint32_t index;
  int plain = 0;  ///< its owner's; handed on with the record
};

constexpr std::uint32_t capacity = 8;

struct small_list {
  small_list() { list.adopt(cells.data(), capacity); }
  small_record* take() {
    return list.take_vacant(
        [&](std::uint32_t index) -> small_record* {
          if (!may_make) return nullptr;
          const std::lock_guard<std::mutex> lock(mutex);
          made.push_back(std::make_unique<small_record>(index));
          return made.back().get();
        },
        [&](small_record*) { reclaimed.add(); });
  }
  using list_type = detail::worker_list<detail::system_policy, small_record>;
  std::array<list_type::cell, capacity> cells{};
  list_type list;
  bool may_make = true;
  std::mutex mutex;
  std::vector<std::unique_ptr<small_record>> made;
  tally reclaimed;
};

TEST(worker_list, makes_records_from_the_lowest_index_on) {
  small_list workers;
  EXPECT_EQ(workers.list.count(), 0u);
  EXPECT_EQ(workers.list.capacity(), capacity);
  for (std::uint32_t i = 0; i < capacity; ++i) {
    small_record* const taken = workers.take();
    ASSERT_NE(taken, nullptr);
    EXPECT_EQ(taken->index, i);
    EXPECT_EQ(taken->state.load(), record_state::starting);
    EXPECT_EQ(workers.list.count(), i + 1);
    EXPECT_EQ(workers.list.at(i), taken);
  }
}

TEST(worker_list, reuses_the_lowest_free_record) {
  small_list workers;
  std::vector<small_record*> taken;
  for (int i = 0; i < 4; ++i) taken.push_back(workers.take());
  taken[2]->state.store(record_state::left);
  taken[1]->state.store(record_state::vacant);
  taken[0]->state.store(record_state::live);
  EXPECT_EQ(workers.take(), taken[1]);
  EXPECT_EQ(workers.take(), taken[2]);
  EXPECT_EQ(workers.take()->index, 4u);
  EXPECT_EQ(workers.made.size(), 5u);
}

TEST(worker_list, returns_null_when_no_record_can_be_made) {
  small_list workers;
  workers.may_make = false;
  EXPECT_EQ(workers.take(), nullptr);
  EXPECT_EQ(workers.list.count(), 0u);
  workers.may_make = true;
  small_record* const first = workers.take();
  ASSERT_NE(first, nullptr);
  workers.may_make = false;
  EXPECT_EQ(workers.take(), nullptr);
  first->state.store(record_state::left);
  EXPECT_EQ(workers.take(), first) << "one that exists needs no memory";
}

/// Threads take and leave records: none has two owners, and each owner sees what the last one left.
TEST(worker_list, gives_each_record_to_one_taker) {
  small_list workers;
  const std::size_t rounds = smaller_if_slow(20'000);
  constexpr std::size_t takers = 4;
  std::array<std::atomic<int>, capacity> owners{};
  tally wrong;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < takers; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < rounds; ++i) {
        small_record* const taken = workers.take();
        if (owners[taken->index].fetch_add(1) != 0) wrong.add();
        ++taken->plain;
        owners[taken->index].fetch_sub(1);
        taken->state.store(i % 2 == 0 ? record_state::left : record_state::vacant, std::memory_order_release);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.get(), 0u);
  EXPECT_LE(workers.list.count(), takers);
  std::size_t sum = 0;
  for (std::uint32_t i = 0; i < workers.list.count(); ++i) sum += static_cast<std::size_t>(workers.list.at(i)->plain);
  EXPECT_EQ(sum, takers * rounds);
}

}  // namespace
}  // namespace treadle::test
