#include "../../src/os/cpu.hpp"

#include <treadle/available_parallelism.hpp>

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace treadle {
namespace {

namespace os = detail::os;

/// Changes of the affinity mask stay on a thread of their own.
template <class F>
void on_own_thread(F&& f) {
  std::thread(std::forward<F>(f)).join();
}

std::set<std::uint32_t> allowed_cpus() {
  cpu_set_t set;
  std::set<std::uint32_t> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (std::uint32_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.insert(cpu);
  }
  return cpus;
}

bool allow_only(const std::set<std::uint32_t>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const std::uint32_t cpu : cpus) CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

TEST(available_parallelism, is_at_most_the_mask_and_never_zero) {
  EXPECT_GE(available_parallelism(), 1u);
  EXPECT_LE(available_parallelism(), allowed_cpus().size());
}

TEST(available_parallelism, follows_the_affinity_mask) {
  on_own_thread([] {
    const std::set<std::uint32_t> before = allowed_cpus();
    for (const std::uint32_t cpu : before) {
      ASSERT_TRUE(allow_only({cpu}));
      EXPECT_EQ(os::count_allowed_cpus(), 1u);
      EXPECT_EQ(available_parallelism(), 1u);
      EXPECT_EQ(os::nth_allowed_cpu(0), cpu);
      EXPECT_EQ(os::nth_allowed_cpu(1), os::any_cpu);
      for (const std::uint32_t other : before) EXPECT_EQ(os::allowed_cpu(other), other == cpu);
    }
  });
}

TEST(available_parallelism, knows_the_mask) {
  const std::set<std::uint32_t> cpus = allowed_cpus();
  ASSERT_FALSE(cpus.empty());
  EXPECT_EQ(os::count_allowed_cpus(), cpus.size());
  std::uint32_t n = 0;
  for (const std::uint32_t cpu : cpus) EXPECT_EQ(os::nth_allowed_cpu(n++), cpu);
  for (std::uint32_t cpu = 0; cpu < 1024; ++cpu) EXPECT_EQ(os::allowed_cpu(cpu), cpus.count(cpu) == 1);
  EXPECT_FALSE(os::allowed_cpu(100'000));
  EXPECT_FALSE(os::allowed_cpu(UINT32_MAX));
}

// ---- pinning -------------------------------------------------------------------------------------------------------

TEST(choose_cpu, none_and_list) {
  EXPECT_EQ(os::choose_cpu(pin_policy::none(), 3), os::any_cpu);
  static constexpr std::uint32_t cpus[] = {7, 3, 5};
  EXPECT_EQ(os::choose_cpu(pin_policy::on(cpus, 3), 0), 7u);
  EXPECT_EQ(os::choose_cpu(pin_policy::on(cpus, 3), 2), 5u);
  EXPECT_EQ(os::choose_cpu(pin_policy::on(cpus, 3), 4), 3u);
  EXPECT_EQ(os::choose_cpu(pin_policy::on(nullptr, 0), 4), os::any_cpu);
}

TEST(choose_cpu, compact_and_scatter_use_every_cpu_once_a_round) {
  const std::set<std::uint32_t> cpus = allowed_cpus();
  const auto count = static_cast<std::uint32_t>(cpus.size());
  for (const pin_policy& policy : {pin_policy::compact(), pin_policy::scatter()}) {
    for (std::uint32_t round = 0; round < 3; ++round) {
      std::set<std::uint32_t> chosen;
      for (std::uint32_t i = 0; i < count; ++i) chosen.insert(os::choose_cpu(policy, round * count + i));
      EXPECT_EQ(chosen, cpus);
    }
  }
  EXPECT_EQ(os::choose_cpu(pin_policy::compact(), 0), *cpus.begin());
  if (count > 1) {
    EXPECT_EQ(os::choose_cpu(pin_policy::compact(), 1), *std::next(cpus.begin()));
  }
}

TEST(spread, every_beginning_is_spread_out) {
  for (std::uint32_t count = 1; count <= 130; ++count) {
    std::set<std::uint32_t> chosen;
    for (std::uint32_t n = 0; n < count; ++n) {
      const std::uint32_t place = os::spread(n, count);
      ASSERT_LT(place, count);
      ASSERT_TRUE(chosen.insert(place).second) << place << " twice among " << count;
      // As far apart as on an even grid of the next power of two; round, for the last is the first one's neighbour too.
      const std::uint32_t apart = std::max(1u, count / std::bit_ceil(static_cast<std::uint32_t>(chosen.size())));
      std::uint32_t before = *chosen.rbegin() - count;
      for (const std::uint32_t each : chosen) {
        ASSERT_GE(each - before, apart) << chosen.size() << " of " << count;
        before = each;
      }
    }
  }
  const std::vector<std::uint32_t> six = {0, 3, 1, 4, 2, 5};
  for (std::uint32_t n = 0; n < 6; ++n) EXPECT_EQ(os::spread(n, 6), six[n]);
}

TEST(pin_this_thread, is_no_limit_to_what_the_process_may_use) {
  const std::set<std::uint32_t> before = allowed_cpus();
  on_own_thread([&] {
    EXPECT_FALSE(os::is_this_thread_pinned());
    os::pin_this_thread(*before.rbegin());
    EXPECT_TRUE(os::is_this_thread_pinned());
    EXPECT_EQ(allowed_cpus(), std::set<std::uint32_t>{*before.rbegin()});
    EXPECT_EQ(os::count_allowed_cpus(), before.size());
    EXPECT_EQ(os::choose_cpu(pin_policy::compact(), 0), *before.begin());
    on_own_thread([&] {
      EXPECT_FALSE(os::is_this_thread_pinned());
      EXPECT_EQ(allowed_cpus().size(), 1u) << "inherited from the pinned thread";
      os::unpin_this_thread();
      EXPECT_EQ(allowed_cpus(), before);
    });
  });
  on_own_thread([&] {
    os::pin_this_thread(16'383);  // no such CPU
    EXPECT_EQ(allowed_cpus(), before);
    os::pin_this_thread(UINT32_MAX);
    EXPECT_EQ(allowed_cpus(), before);
  });
}

// ---- the machine's own control groups ------------------------------------------------------------------------------

/// A control group of the machine, where that may be made; removed at the end.
class real_group {
 public:
  real_group() {
    const std::string name = "/treadle_test_" + std::to_string(getpid());
    for (const char* mount : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"}) {
      const std::string group = mount + name;
      if (mkdir(group.c_str(), 0755) != 0) continue;
      path_ = group;
      if (write("cpu.cfs_period_us", "100000") && write("cpu.cfs_quota_us", "50000")) return;
      if (write("cpu.max", "50000 100000")) return;
      rmdir(group.c_str());
      path_.clear();
    }
  }
  real_group(const real_group&) = delete;
  real_group& operator=(const real_group&) = delete;
  ~real_group() {
    if (!path_.empty()) rmdir(path_.c_str());
  }
  [[nodiscard]] bool exists() const { return !path_.empty(); }
  [[nodiscard]] bool write(const char* file, const std::string& value) const {
    std::ofstream stream(path_ + "/" + file, std::ios::in);
    stream << value;
    stream.close();
    return !stream.fail();
  }

 private:
  std::string path_;
};

TEST(available_parallelism, obeys_a_real_control_group) {
  const real_group group;
  const double before = os::cpu_quota("/proc/self");
  if (group.exists()) {
    // A child, for to leave the group one would have to know where one was.
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (!group.write("cgroup.procs", std::to_string(getpid()))) _exit(2);
      const double quota = os::cpu_quota("/proc/self");
      _exit(quota == std::min(before, 0.5) && available_parallelism() == 1 ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_NE(WEXITSTATUS(status), 1) << "a quota of half a CPU was not seen";
  }
  // Whatever group this runs in, the answer is that of its files.
  const double expected = std::min(std::ceil(before), static_cast<double>(allowed_cpus().size()));
  EXPECT_EQ(available_parallelism(), static_cast<std::uint32_t>(std::max(1.0, expected)));
}

}  // namespace
}  // namespace treadle
