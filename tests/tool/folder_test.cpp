#include "install/folder.hpp"

#include "install/fault.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace {

using namespace tool::install;

struct folder_test : ::testing::Test {
  folder_test() {
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no folder for the test");
    at = open_folder(path);
  }
  ~folder_test() override { remove_tree(AT_FDCWD, path.c_str()); }

  std::string path = "/tmp/treadle-folder-XXXXXX";
  handle at;
};

TEST_F(folder_test, removes_what_is_deeper_than_a_path_can_say) {
  ASSERT_EQ(::mkdirat(at.number(), "tree", 0700), 0);
  handle here(::openat(at.number(), "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int depth = 0; depth < 2000; ++depth) {
    ASSERT_EQ(::mkdirat(here.number(), "d", 0700), 0);
    write_file(here.number(), ".treadle-deep-" + std::to_string(depth % 3), "", 0600);
    here = handle(::openat(here.number(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(here);
  }
  EXPECT_TRUE(remove_tree(at.number(), "tree"));
  EXPECT_TRUE(names_in(at.number(), ".").empty());
}

TEST_F(folder_test, removes_links_and_not_what_they_lead_to) {
  make_folders(at.number(), "kept/inside", 0700);
  make_folders(at.number(), "tree", 0700);
  ASSERT_EQ(::symlinkat("../kept", at.number(), "tree/link"), 0);
  ASSERT_EQ(::symlinkat("kept", at.number(), "link"), 0);
  EXPECT_TRUE(remove_tree(at.number(), "tree"));
  EXPECT_TRUE(remove_tree(at.number(), "link"));
  EXPECT_EQ(names_in(at.number(), "."), std::vector<std::string>{"kept"});
  EXPECT_EQ(names_in(at.number(), "kept"), std::vector<std::string>{"inside"});
}

TEST_F(folder_test, opens_beneath_without_following) {
  make_folders(at.number(), "a/b", 0700);
  write_file(at.number(), "a/b/file", "text", 0600);
  ASSERT_EQ(::symlinkat("a", at.number(), "link"), 0);
  ASSERT_EQ(::symlinkat("file", at.number(), "a/b/link"), 0);
  EXPECT_TRUE(open_beneath(at.number(), "a/b/file", O_RDONLY));
  EXPECT_TRUE(open_beneath(at.number(), "", O_RDONLY | O_DIRECTORY));
  for (const char* const bad : {"link/b/file", "a/b/link", "link", "a/../a/b/file", ".."}) {
    EXPECT_FALSE(open_beneath(at.number(), bad, O_RDONLY)) << bad;
    EXPECT_EQ(errno, ELOOP) << bad;
  }
  EXPECT_FALSE(open_beneath(at.number(), "a/none/file", O_RDONLY));
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(folder_test, reads_files_and_waits_for_nobody) {
  write_file(at.number(), "file", "text", 0600);
  EXPECT_EQ(read_regular(path + "/file"), "text");
  ASSERT_EQ(::mkfifoat(at.number(), "pipe", 0600), 0);
  for (const std::string& bad : {path + "/pipe", path, std::string("/dev/zero")}) {
    EXPECT_THROW(static_cast<void>(read_regular(bad)), fault) << bad;
  }
}

TEST(folder, relative_paths) {
  EXPECT_EQ(relative_path("a/b", "a/c/d"), "../c/d");
  EXPECT_EQ(relative_path("", "a"), "a");
  EXPECT_EQ(relative_path("a/b", "a/b"), ".");
  EXPECT_EQ(relative_path("a", ""), "..");
  EXPECT_EQ(relative_path("node_modules", "../x"), "../../x");
}

}  // namespace
