#include <process_facts.hpp>
#include <tasks.hpp>

#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <sched.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <system_error>
#include <vector>

// Each field of pool_config: its default, its effect, and a clear error for what cannot be.

namespace treadle::test {
namespace {

constexpr pool_config all_defaults{};
static_assert(all_defaults.max_threads == 0 && all_defaults.max_queued == 0 && all_defaults.name == nullptr);
constinit thread_pool constant{pool_config{.max_threads = 3,
                                           .max_spare_threads = 2,
                                           .max_queued = 10,
                                           .stack_bytes = 1 << 20,
                                           .name = "constant",
                                           .pin = pin_policy::scatter(),
                                           .spin_ns = -1,
                                           .retire_after = std::chrono::seconds(1),
                                           .on_destroy = shutdown_mode::cancel}};

TEST(config, is_constant_initialised_as_a_whole) { EXPECT_EQ(constant.worker_limit(), 3u); }

/// Every way to use a pool with a faulty configuration tells the fault, and none hangs or runs anything.
void expect_fault(const pool_config& config, errc fault) {
  thread_pool pool{config};
  EXPECT_EQ(pool.start(), fault);
  counted_task work;
  EXPECT_EQ(pool.schedule(work), fault);
  batch group = batch::of(work);
  EXPECT_EQ(pool.schedule(group), fault);
  EXPECT_EQ(group.size(), 1u);
  bool touched = false;
  EXPECT_EQ(pool.post([&touched] { touched = true; }), fault);
  std::error_code thrown;
  try {
    pool.run([&touched] { touched = true; });
  } catch (const std::system_error& error) {
    thrown = error.code();
  }
  EXPECT_EQ(thrown, fault);
  EXPECT_FALSE(touched);
  EXPECT_EQ(work.runs.load(), 0u);
  EXPECT_EQ(pool.stats().threads_started, 0u);
  EXPECT_FALSE(pool.drain());
  EXPECT_FALSE(pool.join());
}

/// Without a start before, the first schedule tells.
TEST(config, faults_are_told_by_the_first_schedule) {
  thread_pool pool{pool_config{.stack_bytes = 1}};
  counted_task work;
  EXPECT_EQ(pool.schedule(work), errc::bad_stack_size);
  thread_pool other{pool_config{.stack_bytes = 1}};
  EXPECT_EQ(other.post([] {}), errc::bad_stack_size);
}

/// The seed packed 32 bits into 14 without a look: 16,384 threads became none.
TEST(config, seed_defect_10) {
  const std::uint32_t most = thread_pool::max_workers;
  EXPECT_EQ(most, 0x3fffu);
  for (const std::uint32_t too_many : {most + 1, most + 2, 0x4000u + 4u, 0x8000u, 0x10000u, 100'000u, UINT32_MAX}) {
    expect_fault(pool_config{.max_threads = too_many}, errc::too_many_threads);
  }
  expect_fault(pool_config{.max_threads = most, .max_spare_threads = 1}, errc::too_many_threads);
  expect_fault(pool_config{.max_threads = 1, .max_spare_threads = most}, errc::too_many_threads);
  thread_pool largest{pool_config{.max_threads = most, .max_spare_threads = pool_config::no_spares}};
  EXPECT_FALSE(largest.start());
  EXPECT_EQ(largest.worker_limit(), most);
  EXPECT_EQ(largest.run([] { return 1; }), 1);
}

TEST(config, of_threads_defaults_to_what_can_run_at_a_time) {
  thread_pool pool;
  EXPECT_EQ(pool.worker_limit(), available_parallelism());
}

TEST(config, rejects_bad_stacks) {
  expect_fault(pool_config{.stack_bytes = 1}, errc::bad_stack_size);
  expect_fault(pool_config{.stack_bytes = 4'095}, errc::bad_stack_size);
  expect_fault(pool_config{.stack_bytes = SIZE_MAX}, errc::bad_stack_size);
  expect_fault(pool_config{.stack_bytes = std::size_t{1} << 62}, errc::bad_stack_size);
}

/// A stack that is no multiple of the page size made some systems refuse the thread, and the seed hang.
TEST(config, seed_defect_33) {
  for (const std::size_t odd :
       {std::size_t{262'145}, std::size_t{300'001}, (std::size_t{1} << 20) + 4'095, (std::size_t{8} << 20) - 1}) {
    thread_pool pool{pool_config{.max_threads = 2, .stack_bytes = odd}};
    ASSERT_FALSE(pool.start()) << odd;
    EXPECT_EQ(pool.run([] { return 5; }), 5) << odd;
    EXPECT_EQ(pool.stats().thread_start_failures, 0u) << odd;
  }
}

TEST(config, gives_each_worker_its_stack) {
  thread_pool pool{pool_config{.max_threads = 1, .stack_bytes = std::size_t{64} << 20}};
  const std::size_t used = pool.run([] {
    std::size_t depth = 0;
    const auto deeper = [&](const auto& self, std::size_t left) -> void {
      std::array<volatile char, 65'536> page;
      page[0] = static_cast<char>(left);
      depth += page.size();
      if (left != 0) self(self, left - 1);
      page[page.size() - 1] = page[0];
    };
    deeper(deeper, 400);
    return depth;
  });
  EXPECT_GT(used, std::size_t{25} << 20) << "more than the system's default stack of 8 MiB was used";
}

TEST(config, names_its_threads) {
  const std::set<int> before = thread_ids();
  thread_pool pool{pool_config{.max_threads = 2, .name = "weaver"}};
  occupation busy;
  ASSERT_TRUE(busy.hold(pool, 2));
  std::set<std::string> names;
  for (const auto& [id, facts] : facts_of_new_threads(before)) names.insert(facts.name);
  EXPECT_EQ(names, (std::set<std::string>{"weaver-0", "weaver-1"}));
}

TEST(config, has_a_name_by_default_and_bounds_it) {
  const std::set<int> before = thread_ids();
  {
    thread_pool pool{pool_config{.max_threads = 1}};
    occupation busy;
    ASSERT_TRUE(busy.hold(pool, 1));
    const auto facts = facts_of_new_threads(before);
    ASSERT_EQ(facts.size(), 1u);
    EXPECT_EQ(facts.begin()->second.name, "treadle-0");
  }
  expect_fault(pool_config{.name = "sixteen-letters!"}, errc::bad_name);
  thread_pool longest{pool_config{.max_threads = 1, .name = "fifteen-letters"}};
  EXPECT_FALSE(longest.start());
  EXPECT_EQ(longest.run([] { return 1; }), 1);
  thread_pool empty{pool_config{.max_threads = 1, .name = ""}};
  EXPECT_EQ(empty.run([] { return 1; }), 1);
}

/// The CPUs that the calling thread may run on.
std::vector<std::uint32_t> own_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  std::vector<std::uint32_t> cpus;
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

/// Where each worker of a pool may run, by index.
std::vector<std::vector<std::uint32_t>> cpus_of_workers(const pool_config& config) {
  std::vector<std::vector<std::uint32_t>> cpus(config.max_threads);
  thread_pool pool{config};
  tally here;
  for (std::uint32_t i = 0; i < config.max_threads; ++i) {
    EXPECT_FALSE(pool.post([&] {
      cpus[this_worker::index()] = own_cpus();
      here.add();
      EXPECT_TRUE(here.reaches(config.max_threads));
    }));
  }
  EXPECT_FALSE(pool.drain());
  return cpus;
}

TEST(config, pins_its_workers) {
  const std::vector<std::uint32_t> all = own_cpus();
  ASSERT_FALSE(all.empty());
  const auto free_to_move = cpus_of_workers({.max_threads = 2});
  EXPECT_EQ(free_to_move[0], all);
  const auto compact = cpus_of_workers({.max_threads = 3, .pin = pin_policy::compact()});
  for (std::size_t i = 0; i < compact.size(); ++i) {
    EXPECT_EQ(compact[i], std::vector<std::uint32_t>{all[i % all.size()]});
  }
  const auto scatter = cpus_of_workers({.max_threads = 2, .pin = pin_policy::scatter()});
  ASSERT_EQ(scatter[0].size(), 1u);
  ASSERT_EQ(scatter[1].size(), 1u);
  EXPECT_TRUE(all.size() == 1 || scatter[0] != scatter[1]);
  const std::array<std::uint32_t, 2> list{all.back(), all.front()};
  const auto listed = cpus_of_workers({.max_threads = 3, .pin = pin_policy::on(list.data(), 2)});
  EXPECT_EQ(listed[0], std::vector<std::uint32_t>{all.back()});
  EXPECT_EQ(listed[1], std::vector<std::uint32_t>{all.front()});
  EXPECT_EQ(listed[2], std::vector<std::uint32_t>{all.back()});
}

TEST(config, rejects_cpus_that_are_not_there) {
  static constexpr std::array<std::uint32_t, 2> absent{0, 100'000};
  static constexpr std::array<std::uint32_t, 1> huge{UINT32_MAX};
  expect_fault(pool_config{.pin = pin_policy::on(absent.data(), 2)}, errc::bad_cpu);
  expect_fault(pool_config{.pin = pin_policy::on(huge.data(), 1)}, errc::bad_cpu);
  expect_fault(pool_config{.pin = pin_policy::on(absent.data(), 0)}, errc::bad_cpu);
  expect_fault(pool_config{.pin = pin_policy::on(nullptr, 1)}, errc::bad_cpu);
}

}  // namespace
}  // namespace treadle::test
