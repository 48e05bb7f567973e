#include "install/unpack.hpp"

#include "install/fault.hpp"
#include "install/folder.hpp"

#include <gtest/gtest.h>

#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

using tool::install::member;

struct unpack_test : ::testing::Test {
  unpack_test() {
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no folder for the test");
    folder = tool::install::open_folder(path);
  }
  ~unpack_test() override { tool::install::remove_tree(AT_FDCWD, path.c_str()); }

  /// A tarball of files that hold their own name.
  static std::vector<std::byte> tarball(const std::vector<std::string>& names) {
    std::vector<std::byte> made(1 << 20);
    std::size_t used = 0;
    archive* const to = archive_write_new();
    archive_write_set_format_pax_restricted(to);
    archive_write_open_memory(to, made.data(), made.size(), &used);
    for (const std::string& name : names) {
      archive_entry* const entry = archive_entry_new();
      archive_entry_set_pathname(entry, name.c_str());
      archive_entry_set_filetype(entry, AE_IFREG);
      archive_entry_set_perm(entry, 0644);
      archive_entry_set_size(entry, static_cast<la_int64_t>(name.size()));
      archive_write_header(to, entry);
      archive_write_data(to, name.data(), name.size());
      archive_entry_free(entry);
    }
    archive_write_close(to);
    archive_write_free(to);
    made.resize(used);
    return made;
  }

  [[nodiscard]] std::vector<member> unpack(const std::vector<std::string>& names,
                                           const tool::install::unpack_limits& limits = {}) const {
    return tool::install::unpack(tarball(names), folder.number(), limits);
  }

  std::string path = "/tmp/treadle-unpack-XXXXXX";
  tool::install::handle folder;
};

TEST_F(unpack_test, the_first_folder_is_left_out_and_folders_come_first) {
  const std::vector<member> made = unpack({"package/a/b", "other/c"});
  ASSERT_EQ(made.size(), 3U);
  EXPECT_EQ(made[0].path, "a");
  EXPECT_EQ(made[0].what, member::kind::folder);
  EXPECT_EQ(made[1].path, "a/b");
  EXPECT_EQ(tool::install::read_file(path + "/a/b"), "package/a/b");
  EXPECT_EQ(made[2].path, "c");
}

TEST_F(unpack_test, names_that_differ_in_case_are_refused_where_they_are_the_same) {
  EXPECT_EQ(unpack({"p/Read", "p/read"}).size(), 2U);
  tool::install::unpack_limits limits;
  limits.ignores_case = true;
  for (const auto& names : {std::pair("p/X/a", "p/x/b"), std::pair("p/f", "p/F")}) {
    tool::install::remove_tree(AT_FDCWD, path.c_str());
    ::mkdir(path.c_str(), 0700);
    folder = tool::install::open_folder(path);
    try {
      static_cast<void>(unpack({names.first, names.second}, limits));
      ADD_FAILURE() << names.first << " and " << names.second;
    } catch (const tool::install::fault& refused) {
      EXPECT_NE(std::string(refused.what()).find("the same name"), std::string::npos) << refused.what();
    }
  }
}

TEST_F(unpack_test, of_two_files_of_one_name_the_later_counts) {
  EXPECT_EQ(unpack({"p/a", "q/a"}).size(), 1U);
  EXPECT_EQ(tool::install::read_file(path + "/a"), "q/a");
}

TEST_F(unpack_test, ignore_files_are_renamed_unless_there_is_one) {
  static_cast<void>(unpack({"p/.gitignore", "p/a/.npmignore", "p/a/.gitignore"}));
  EXPECT_EQ(tool::install::read_file(path + "/.npmignore"), "p/.gitignore");
  EXPECT_EQ(tool::install::read_file(path + "/a/.npmignore"), "p/a/.npmignore");
}

TEST_F(unpack_test, one_member_too_many_is_refused) {
  tool::install::unpack_limits limits;
  limits.most_members = 2;
  EXPECT_THROW(static_cast<void>(unpack({"p/a", "p/b", "p/c"}, limits)), tool::install::fault);
}

}  // namespace
