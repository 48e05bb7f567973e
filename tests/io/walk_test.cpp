#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace treadle::test {
namespace {

namespace fs = std::filesystem;
using coro::sync_wait;
using io::directory_entry;
using kind = directory_entry::kind;

/// A folder of its own for each test, gone with it.
class tree {
 public:
  tree() {
    std::string name = (fs::temp_directory_path() / "treadle_walk_test_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root = name;
  }
  tree(const tree&) = delete;
  tree& operator=(const tree&) = delete;
  ~tree() {
    for (const fs::path& each : locked) fs::permissions(each, fs::perms::owner_all);
    fs::remove_all(root);
  }
  void file(const std::string& name) const { std::ofstream(root / name) << name; }
  void folder(const std::string& name) const { fs::create_directories(root / name); }
  void link(const std::string& name, const std::string& to) const { fs::create_symlink(to, root / name); }

  fs::path root;
  std::vector<fs::path> locked;
};

/// What a walk came by: by path below the root.
struct found {
  std::map<std::string, io::walk_entry> entries;
  std::vector<std::string> order;
  std::map<std::string, std::error_code> errors;
};

/// `at_each` is told of what has just been come by, and may change the tree.
using told = std::function<void(const std::string&)>;

coro::task<found> walk_all(std::string root, io::walk_options how, told at_each = {}) {
  found all;
  io::walk tree(root, how);
  for (;;) {
    auto next = (co_await tree.next()).value();
    if (!next) break;
    const std::string below = next->path.size() > root.size() ? next->path.substr(root.size() + 1) : "";
    if (next->error) {
      EXPECT_TRUE(all.errors.emplace(below, next->error).second) << below;
    } else {
      all.order.push_back(below);
      EXPECT_TRUE(all.entries.emplace(below, *next).second) << below;
      if (at_each) at_each(below);
    }
  }
  // The end stays the end.
  EXPECT_FALSE((co_await tree.next()).value().has_value());
  co_return all;
}

class walks : public with_workers {
 protected:
  [[nodiscard]] found look(io::walk_options how = {}, told at_each = {}) {
    return sync_wait(pool, walk_all(at.root.string(), how, std::move(at_each)));
  }
  tree at;
  thread_pool pool{config()};
};
INSTANTIATE_TEST_SUITE_P(widths, walks, worker_counts(), worker_count_name);

TEST_P(walks, come_by_all_there_is_once) {
  at.folder("a/b/c");
  at.folder("empty");
  for (const char* name : {"one", "a/two", "a/b/three", "a/b/c/four"}) at.file(name);
  at.link("a/to_one", "../one");
  ASSERT_EQ(mkfifo((at.root / "pipe").c_str(), 0600), 0);
  const found all = look();
  EXPECT_TRUE(all.errors.empty());
  const std::map<std::string, std::pair<kind, std::size_t>> expected{
      {"a", {kind::directory, 1}},       {"a/b", {kind::directory, 2}},      {"a/b/c", {kind::directory, 3}},
      {"empty", {kind::directory, 1}},   {"one", {kind::regular, 1}},        {"a/two", {kind::regular, 2}},
      {"a/b/three", {kind::regular, 3}}, {"a/b/c/four", {kind::regular, 4}}, {"a/to_one", {kind::link, 2}},
      {"pipe", {kind::other, 1}}};
  std::map<std::string, std::pair<kind, std::size_t>> got;
  for (const auto& [path, entry] : all.entries) got[path] = {entry.what, entry.level};
  EXPECT_EQ(got, expected);
}

TEST_P(walks, come_by_a_directory_before_what_is_in_it) {
  at.folder("a/b");
  at.file("a/b/x");
  EXPECT_EQ(look().order, (std::vector<std::string>{"a", "a/b", "a/b/x"}));
}

TEST_P(walks, of_many_entries_give_each_once) {
  constexpr std::size_t many = 600;  // four blocks
  for (std::size_t i = 0; i < many; ++i) at.file(std::string(200, 'f') + std::to_string(i));
  const found all = look();
  EXPECT_EQ(all.entries.size(), many);
}

TEST_P(walks, follow_links_only_when_asked_to) {
  at.folder("inside/deep");
  at.file("inside/deep/x");
  at.link("door", "inside");
  at.link("file", "inside/deep/x");
  at.link("nowhere", "gone");
  at.link("circle", "circle");
  const found plain = look();
  EXPECT_EQ(plain.entries.at("door").what, kind::link);
  EXPECT_EQ(plain.entries.count("door/deep"), 0u);
  io::walk_options how;
  how.follow_links = true;
  const found followed = look(how);
  EXPECT_TRUE(followed.errors.empty());
  EXPECT_EQ(followed.entries.at("door").what, kind::directory);
  EXPECT_EQ(followed.entries.at("door/deep/x").what, kind::regular);
  EXPECT_EQ(followed.entries.at("file").what, kind::regular);
  EXPECT_EQ(followed.entries.at("nowhere").what, kind::link);
  EXPECT_EQ(followed.entries.at("circle").what, kind::link);
}

TEST_P(walks, do_not_go_round_in_circles) {
  at.folder("a/b");
  at.link("a/b/up", "../..");
  io::walk_options how;
  how.follow_links = true;
  const found all = look(how);
  ASSERT_EQ(all.errors.size(), 1u);
  EXPECT_EQ(all.errors.begin()->first, "a/b/up");
  EXPECT_EQ(all.errors.begin()->second, std::errc::too_many_symbolic_link_levels);
}

TEST_P(walks, do_not_enter_what_became_a_link) {
  at.folder("a");
  at.folder("elsewhere");
  at.file("elsewhere/secret");
  const found all = look({}, [this](const std::string& name) {
    if (name != "a") return;
    fs::remove(at.root / "a");
    at.link("a", "elsewhere");
  });
  EXPECT_EQ(all.errors.count("a"), 1u);
  EXPECT_EQ(std::count(all.order.begin(), all.order.end(), "a/secret"), 0);
}

TEST_P(walks, go_on_behind_what_they_may_not_enter) {
  if (geteuid() == 0) {
    // Nothing is closed to root: a directory that vanishes is the next best.
    at.folder("gone");
    at.file("there");
    const found all = look({}, [this](const std::string& name) {
      if (name == "gone") fs::remove(at.root / name);
    });
    EXPECT_EQ(all.order.size(), 2u);
    EXPECT_EQ(all.errors.at("gone"), std::errc::no_such_file_or_directory);
    return;
  }
  at.folder("closed");
  at.file("there");
  fs::permissions(at.root / "closed", fs::perms::none);
  at.locked.push_back(at.root / "closed");
  const found all = look();
  EXPECT_EQ(all.errors.at("closed"), std::errc::permission_denied);
  EXPECT_EQ(all.entries.size(), 2u);
}

TEST_P(walks, skip_what_they_are_told_to_and_stop_at_a_level) {
  at.folder("a/b");
  at.folder("c/d");
  const auto skipped = sync_wait(pool, [](std::string root) -> coro::task<std::set<std::string>> {
    std::set<std::string> seen;
    io::walk walking(root);
    for (;;) {
      const auto next = (co_await walking.next()).value();
      if (!next) co_return seen;
      seen.insert(next->path.substr(root.size() + 1));
      if (next->path.ends_with("/a")) walking.skip();
    }
  }(at.root.string()));
  EXPECT_EQ(skipped, (std::set<std::string>{"a", "c", "c/d"}));
  io::walk_options how;
  how.most_levels = 1;
  EXPECT_EQ(look(how).entries.size(), 2u);
}

TEST_P(walks, report_a_root_that_is_not_there) {
  const auto of = [this](const std::string& root) {
    return sync_wait(pool, [](std::string path) -> coro::task<std::error_code> {
      io::walk walking(path);
      co_return (co_await walking.next()).error();
    }(root));
  };
  EXPECT_EQ(of((at.root / "none").string()), std::errc::no_such_file_or_directory);
  at.file("file");
  EXPECT_EQ(of((at.root / "file").string()), std::errc::not_a_directory);
  EXPECT_EQ(of(std::string("a\0b", 3)), std::errc::invalid_argument);
}

TEST_P(walks, stop_when_asked_to_and_go_on_later) {
  at.folder("a");
  at.file("a/x");
  std::stop_source stop;
  io::walk walking(at.root.string());
  const auto first = sync_wait(pool, walking.next()).value();
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->path.ends_with("/a"));
  stop.request_stop();
  EXPECT_EQ(sync_wait(pool, walking.next(), stop.get_token()).error(), errc::cancelled);
  const auto second = sync_wait(pool, walking.next()).value();
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(second->path.ends_with("/a/x"));
  EXPECT_FALSE(sync_wait(pool, walking.next()).value().has_value());
}

/// Each level is looked up in the one above: a path that no single call would take is walked all the same.
TEST_P(walks, are_not_limited_by_the_length_of_a_path) {
  const std::string name(200, 'n');
  constexpr std::size_t levels = 30;
  const fs::path before = fs::current_path();
  fs::current_path(at.root);
  for (std::size_t i = 0; i < levels; ++i) {
    fs::create_directory(name);
    fs::current_path(name);
  }
  fs::current_path(before);
  const found all = look();
  EXPECT_TRUE(all.errors.empty());
  EXPECT_EQ(all.entries.size(), levels);
  EXPECT_GT(all.order.back().size(), 4096u);
}

TEST_P(walks, give_a_directorys_entries_one_by_one) {
  at.folder("sub");
  at.file("x");
  at.link("to_x", "x");
  const auto all = sync_wait(pool, [](std::string path) -> coro::task<std::map<std::string, kind>> {
    std::map<std::string, kind> seen;
    io::directory opened = (co_await io::directory::open(path)).value();
    EXPECT_GE(opened.number(), 0);
    for (;;) {
      const auto next = (co_await opened.next()).value();
      if (!next) break;
      EXPECT_NE(next->inode, 0u);
      seen[next->name] = next->what;
    }
    EXPECT_FALSE((co_await opened.next()).value().has_value());
    opened.close();
    EXPECT_FALSE(opened);
    co_return seen;
  }(at.root.string()));
  EXPECT_EQ(all, (std::map<std::string, kind>{{"sub", kind::directory}, {"x", kind::regular}, {"to_x", kind::link}}));
  const auto refused = [this](std::string path) {
    return sync_wait(pool, io::directory::open(std::move(path))).error();
  };
  EXPECT_EQ(refused((at.root / "x").string()), std::errc::not_a_directory);
  EXPECT_EQ(refused(std::string("\0", 1)), std::errc::invalid_argument);
}

TEST_P(walks, are_walked_side_by_side) {
  for (int i = 0; i < 20; ++i) {
    at.folder("d" + std::to_string(i) + "/e");
    at.file("d" + std::to_string(i) + "/e/f");
  }
  const auto counts = sync_wait(pool, [](std::string root) -> coro::task<std::vector<found>> {
    std::vector<coro::task<found>> several;
    for (int i = 0; i < 8; ++i) several.push_back(walk_all(root, {}));
    co_return co_await coro::when_all(std::move(several));
  }(at.root.string()));
  for (const found& each : counts) EXPECT_EQ(each.entries.size(), 60u);
}

}  // namespace
}  // namespace treadle::test
