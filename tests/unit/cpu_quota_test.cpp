#include "../../src/os/cpu.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace treadle {
namespace {

namespace os = detail::os;
namespace fs = std::filesystem;

constexpr double no_quota = std::numeric_limits<double>::infinity();

/// A folder that looks like /proc and /sys/fs/cgroup: proc/cgroup, proc/mountinfo, and whatever a test puts below its
/// mount points.
class cpu_quota : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "treadle_cgroup_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    fs::create_directories(root_ + "/proc");
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& contents) const {
    const fs::path full = root_ + path;
    fs::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary) << contents;
  }
  void groups(const std::string& lines) const { put("/proc/cgroup", lines); }
  /// Adds a line to the mount table. `point` is below the tree's root and already escaped.
  void mount(const std::string& group_root, const std::string& point, const std::string& type,
             const std::string& options, const std::string& parent = "1") {
    const std::string id = std::to_string(next_mount_++);
    table_ += id + " " + parent + " 0:30 " + group_root + " " + root_ + point + " rw,nosuid shared:4 master:1 - " +
              type + " " + type + " " + options + "\n";
    put("/proc/mountinfo", table_);
  }
  void unified(const std::string& group_root = "/", const std::string& point = "/sys") {
    mount(group_root, point, "cgroup2", "rw,nsdelegate");
  }
  void version_1(const std::string& group_root = "/", const std::string& point = "/sys/cpu,cpuacct") {
    mount(group_root, point, "cgroup", "rw,cpu,cpuacct");
  }
  void put_version_1(const std::string& folder, const std::string& quota, const std::string& period) const {
    put(folder + "/cpu.cfs_quota_us", quota);
    put(folder + "/cpu.cfs_period_us", period);
  }
  [[nodiscard]] double quota() const { return os::cpu_quota((root_ + "/proc").c_str()); }
  [[nodiscard]] std::uint32_t usable() const { return os::count_usable_cpus((root_ + "/proc").c_str()); }

  std::string root_;
  std::string table_ = "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n";
  int next_mount_ = 100;
};

TEST_F(cpu_quota, version_2_own_group) {
  groups("0::/system.slice/it.service\n");
  unified();
  put("/sys/system.slice/it.service/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota(), 1.5);
}

TEST_F(cpu_quota, version_2_least_of_all_enclosing_groups) {
  groups("0::/a/b/c/d\n");
  unified();
  put("/sys/a/cpu.max", "300000 100000\n");
  put("/sys/a/b/cpu.max", "25000 10000\n");
  put("/sys/a/b/c/cpu.max", "max 100000\n");
  put("/sys/a/b/c/d/cpu.max", "800000 100000\n");
  EXPECT_EQ(quota(), 2.5);
  put("/sys/a/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota(), 0.5) << "the outermost counts too";
}

TEST_F(cpu_quota, the_mount_point_itself_counts) {
  groups("0::/\n");  // a container with a namespace of its own sees itself as the root
  unified();
  put("/sys/cpu.max", "700000 100000\n");
  EXPECT_EQ(quota(), 7);
}

TEST_F(cpu_quota, groups_beside_ours_do_not_count) {
  groups("0::/a/bc\n");
  unified();
  put("/sys/a/b/cpu.max", "100000 100000\n");
  put("/sys/a/bcd/cpu.max", "100000 100000\n");
  put("/sys/a/bc/inner/cpu.max", "100000 100000\n");
  put("/sys/a/bc/cpu.max", "400000 100000\n");
  EXPECT_EQ(quota(), 4);
}

TEST_F(cpu_quota, version_2_max_is_none) {
  groups("0::/a\n");
  unified();
  put("/sys/a/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), no_quota);
  EXPECT_EQ(usable(), os::count_allowed_cpus());
}

TEST_F(cpu_quota, version_1_co_mounted_controllers) {
  groups("5:memory:/m\n4:cpu,cpuacct:/a/b\n1:name=systemd:/user\n");
  version_1();
  put_version_1("/sys/cpu,cpuacct/a", "350000\n", "100000\n");
  put_version_1("/sys/cpu,cpuacct/a/b", "-1\n", "100000\n");
  EXPECT_EQ(quota(), 3.5);
}

TEST_F(cpu_quota, version_1_other_hierarchies_do_not_count) {
  groups("4:cpuset,cpuacct:/a\n3:cpu:/b\n");
  mount("/", "/sys/cpuset", "cgroup", "rw,cpuset,cpuacct");
  mount("/", "/sys/cpu", "cgroup", "rw,cpu");
  put_version_1("/sys/cpuset/a", "100000\n", "100000\n");
  put_version_1("/sys/cpu/a", "100000\n", "100000\n");
  put_version_1("/sys/cpu/b", "900000\n", "100000\n");
  EXPECT_EQ(quota(), 9);
}

TEST_F(cpu_quota, both_versions_at_once) {
  groups("3:cpu,cpuacct:/one\n0::/two\n");
  version_1();
  unified("/", "/sys/unified");
  put_version_1("/sys/cpu,cpuacct/one", "400000\n", "100000\n");
  put("/sys/unified/two/cpu.max", "500000 100000\n");
  EXPECT_EQ(quota(), 4);
  put("/sys/unified/two/cpu.max", "300000 100000\n");
  EXPECT_EQ(quota(), 3);
}

TEST_F(cpu_quota, a_container_without_a_namespace_mounts_its_group_only) {
  groups("3:cpu,cpuacct:/docker/abc\n");
  version_1("/docker/abc");
  put_version_1("/sys/cpu,cpuacct", "200000\n", "100000\n");
  EXPECT_EQ(quota(), 2);
}

TEST_F(cpu_quota, a_group_below_the_container) {
  groups("0::/docker/abc/inner\n");
  unified("/docker/abc");
  put("/sys/cpu.max", "600000 100000\n");
  put("/sys/inner/cpu.max", "500000 100000\n");
  put("/sys/docker/abc/inner/cpu.max", "100000 100000\n");  // the path from the outside means nothing in here
  EXPECT_EQ(quota(), 5);
}

TEST_F(cpu_quota, a_mount_of_a_group_that_is_not_around_us) {
  groups("0::/a/b\n");
  unified("/a/c");
  unified("/a/bb", "/elsewhere");
  put("/sys/cpu.max", "100000 100000\n");
  put("/elsewhere/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), no_quota);
}

TEST_F(cpu_quota, the_same_hierarchy_mounted_twice) {
  groups("0::/a/b\n");
  unified("/", "/outer");
  unified("/a", "/inner");
  put("/outer/a/cpu.max", "200000 100000\n");
  put("/inner/cpu.max", "200000 100000\n");
  put("/inner/b/cpu.max", "300000 100000\n");
  EXPECT_EQ(quota(), 2);
}

TEST_F(cpu_quota, paths_that_lead_out_of_the_namespace) {
  groups("0::/../sibling\n");
  unified();  // the namespace's own root, which is not around us
  put("/sys/cpu.max", "100000 100000\n");
  put("/sys/sibling/cpu.max", "100000 100000\n");
  put("/sibling/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), no_quota);
  unified("/..", "/above");
  put("/above/cpu.max", "900000 100000\n");
  put("/above/sibling/cpu.max", "800000 100000\n");
  EXPECT_EQ(quota(), 8);
}

TEST_F(cpu_quota, a_mount_from_above_the_namespace) {
  groups("0::/\n");
  unified("/../..");
  put("/sys/cpu.max", "300000 100000\n");
  EXPECT_EQ(quota(), 3);
}

TEST_F(cpu_quota, a_mount_beside_the_namespace) {
  groups("0::/a\n");
  unified("/../other");
  put("/sys/cpu.max", "100000 100000\n");
  put("/sys/a/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), no_quota);
}

TEST_F(cpu_quota, names_that_start_with_dots) {
  groups("0::/..a/b\n");
  unified();
  put("/sys/..a/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota(), 2);
}

TEST_F(cpu_quota, escaped_mount_points_and_colons_in_paths) {
  groups("0::/a:b c/d\\e\n");
  unified("/", "/sys\\040fs/x\\134y");
  put("/sys fs/x\\y/a:b c/d\\e/cpu.max", "250000 50000\n");
  EXPECT_EQ(quota(), 5);
}

TEST_F(cpu_quota, a_covered_mount_is_out_of_reach) {
  groups("3:cpu,cpuacct:/x\n0::/x\n");
  unified("/", "/sys");                                   // mount 100
  mount("/", "/sys", "cgroup", "rw,cpu,cpuacct", "100");  // lies on it
  put("/sys/x/cpu.max", "100000 100000\n");               // what a stale reading would find
  put_version_1("/sys/x", "400000\n", "100000\n");
  EXPECT_EQ(quota(), 4);
}

TEST_F(cpu_quota, optional_fields_of_the_mount_table_vary) {
  groups("0::/\n");
  put("/proc/mountinfo", "30 1 0:30 / " + root_ + "/sys rw - cgroup2  rw\n");  // none of them, and an empty source
  put("/sys/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota(), 2);
}

TEST_F(cpu_quota, a_mount_table_longer_than_any_buffer) {
  groups("0::/\n");
  for (int i = 0; i < 1000; ++i) mount("/", "/overlay/" + std::string(300, 'x') + std::to_string(i), "overlay", "rw");
  unified();
  put("/sys/cpu.max", "200000 100000\n");
  EXPECT_EQ(quota(), 2);
}

TEST_F(cpu_quota, garbage_counts_as_no_quota) {
  groups("0::/\n");
  unified();
  const std::vector<std::string> all_garbage = {"",
                                                "\n",
                                                "max\n",
                                                "100000\n",
                                                "0 100000\n",
                                                "100000 0\n",
                                                "-5 100000\n",
                                                "100000 -1\n",
                                                "1e5 100000\n",
                                                "0x100 100000\n",
                                                "100000x 100000\n",
                                                "nan nan\n",
                                                "100000\t\n",
                                                std::string("100000\0 100000", 14)};
  for (const std::string& garbage : all_garbage) {
    put("/sys/cpu.max", garbage);
    EXPECT_EQ(quota(), no_quota) << garbage;
  }
  put("/sys/cpu.max", std::string(4000, '9') + " " + std::string(4000, '9'));
  EXPECT_EQ(usable(), os::count_allowed_cpus()) << "infinity through infinity";
}

TEST_F(cpu_quota, garbage_counts_as_no_quota_in_version_1) {
  groups("3:cpu,cpuacct:/\n");
  version_1();
  const std::vector<std::pair<std::string, std::string>> all_garbage = {
      {"", "100000"},   {"-1", "100000"}, {"0", "100000"}, {"max", "100000"},      {"1x", "100000"},
      {"100000", "-1"}, {"100000", "0"},  {"100000", ""},  {"100000", "\0\0\0\0"}, {"-100000", "-100000"}};
  for (const auto& [quota_us, period_us] : all_garbage) {
    put_version_1("/sys/cpu,cpuacct", quota_us, period_us);
    EXPECT_EQ(quota(), no_quota) << quota_us << " in " << period_us;
  }
  put_version_1("/sys/cpu,cpuacct", "100000", "100000");
  EXPECT_EQ(quota(), 1) << "or else the loop above shows nothing";
}

TEST_F(cpu_quota, missing_files) {
  EXPECT_EQ(quota(), no_quota) << "nothing there";
  groups("0::/a/b\n");
  EXPECT_EQ(quota(), no_quota) << "no mount table";
  unified();
  EXPECT_EQ(quota(), no_quota) << "no cpu.max, as at the machine's root";
  put("/sys/cpu.max", "100000 100000\n");
  EXPECT_EQ(quota(), 1) << "the own group is gone, those around it are not";
  put_version_1("/sys/cpu,cpuacct", "100000\n", "100000\n");
  fs::remove(root_ + "/sys/cpu.max");
  EXPECT_EQ(quota(), no_quota);
  fs::create_directories(root_ + "/sys/cpu.max");
  EXPECT_EQ(quota(), no_quota) << "a folder in place of the file";
}

TEST_F(cpu_quota, malformed_tables) {
  for (const char* table :
       {"", "\n\n", "garbage", "1 2 3\n", "- - - - - - -\n", "30 1 0:30 / /sys rw cgroup2 x rw\n"}) {
    groups("0::/\n");
    put("/proc/mountinfo", table);
    EXPECT_EQ(quota(), no_quota) << table;
  }
  unified();
  put("/sys/cpu.max", "100000 100000\n");
  for (const char* lines : {"", "\n", "0\n", "0:\n", ":::\n", "0:cpu:/\n", "cpu:/\n", "1::/\n"}) {
    groups(lines);
    EXPECT_EQ(quota(), no_quota) << lines;
  }
}

TEST_F(cpu_quota, rounds_up_and_is_never_zero) {
  groups("0::/\n");
  unified();
  const std::uint32_t allowed = os::count_allowed_cpus();
  put("/sys/cpu.max", "1 1000000\n");
  EXPECT_EQ(usable(), 1u);
  put("/sys/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable(), 1u);
  put("/sys/cpu.max", "100001 100000\n");
  EXPECT_EQ(usable(), std::min(allowed, 2u));
  put("/sys/cpu.max", std::to_string(allowed * 100000 + 1) + " 100000\n");
  EXPECT_EQ(usable(), allowed) << "a quota above the mask does not make CPUs";
}

}  // namespace
}  // namespace treadle
