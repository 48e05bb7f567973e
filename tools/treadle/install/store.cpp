#include "store.hpp"

#include "../text.hpp"
#include "fault.hpp"

#include <fmt/format.h>

#include <sys/file.h>
#include <sys/stat.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tool::install {

namespace {

constexpr const char* scratch_folder = "tmp";
constexpr std::string_view index_head = "treadle package 2\n";

std::string tree_path(const std::string& algorithm, std::string_view digest) {
  const std::string digits = hex(digest);
  return algorithm + '/' + digits.substr(0, 2) + '/' + digits.substr(2);
}

/// A line a member, ended by a zero byte as names may hold all else; `end` shows that nothing is missing.
std::string write_index(const std::vector<member>& members) {
  std::string text(index_head);
  for (const member& each : members) {
    text += each.what == member::kind::folder     ? "folder "
            : each.what == member::kind::left_out ? "link "
                                                  : fmt::format("{:o} ", each.mode);
    text += each.path;
    text += '\0';
  }
  return text + "end";
}

std::optional<std::vector<member>> read_index(std::string_view text) {
  if (!text.starts_with(index_head)) return std::nullopt;
  text.remove_prefix(index_head.size());
  std::vector<member> members;
  for (std::size_t end = text.find('\0'); end != text.npos; end = text.find('\0')) {
    const std::string_view line = text.substr(0, end);
    const std::size_t space = line.find(' ');
    if (space == line.npos) return std::nullopt;
    member each;
    each.path = line.substr(space + 1);
    const std::string_view what = line.substr(0, space);
    each.what = what == "folder" ? member::kind::folder : what == "link" ? member::kind::left_out : member::kind::file;
    if (each.what == member::kind::file) std::from_chars(what.data(), what.data() + what.size(), each.mode, 8);
    members.push_back(std::move(each));
    text.remove_prefix(end + 1);
  }
  if (text != "end") return std::nullopt;
  return members;
}

handle open_at(int at, const std::string& path) {
  return handle(::openat(at, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

store::store(const std::string& path) : path_(path) {
  const std::string own =
      path + (current_umask() == 022 ? "/packages" : fmt::format("/packages-{:03o}", current_umask()));
  make_folders(AT_FDCWD, own + '/' + scratch_folder, 0777);
  root_ = open_folder(own);
  if (!root_) throw_errno(own);
  {
    // Held while a folder is made and locked, so that nobody takes it for one that was left.
    const handle all = open_at(root_.number(), scratch_folder);
    if (!all || ::flock(all.number(), LOCK_EX) != 0) throw_errno(own + '/' + scratch_folder);
    sweep();
    for (unsigned tries = 0;; ++tries) {
      scratch_name_ = fmt::format("{}/{}-{}", scratch_folder, ::getpid(), tries);
      if (::mkdirat(root_.number(), scratch_name_.c_str(), 0700) == 0) break;
      if (errno != EEXIST || tries > 1000) throw_errno(own + '/' + scratch_name_);
    }
    scratch_ = open_at(root_.number(), scratch_name_);
    if (!scratch_ || ::flock(scratch_.number(), LOCK_EX | LOCK_NB) != 0) throw_errno(own + '/' + scratch_name_);
  }
  write_file(scratch_.number(), "case", "", 0600);
  struct stat found;
  ignores_case_ = ::fstatat(scratch_.number(), "CASE", &found, AT_SYMLINK_NOFOLLOW) == 0;
}

store::~store() { remove_tree(root_.number(), scratch_name_.c_str()); }

/// Removes the scratch folders of runs that have ended without doing so: nobody holds a lock on them.
void store::sweep() {
  for (const std::string& name : names_in(root_.number(), scratch_folder)) {
    const std::string each = std::string(scratch_folder) + '/' + name;
    const handle left = open_at(root_.number(), each);
    if (!left || ::flock(left.number(), LOCK_EX | LOCK_NB) != 0) continue;
    remove_tree(root_.number(), each.c_str());
  }
}

std::optional<stored_tree> store::find(const integrity& of) const {
  for (const std::string& digest : of.digests()) {
    const handle tree = open_at(root_.number(), tree_path(of.algorithm(), digest));
    if (!tree) continue;
    std::string index;
    const handle file(::openat(tree.number(), "index", O_RDONLY | O_CLOEXEC));
    struct stat found;
    if (!file || ::fstat(file.number(), &found) != 0) continue;
    index.resize(static_cast<std::size_t>(found.st_size));
    if (::pread(file.number(), index.data(), index.size(), 0) != found.st_size) continue;
    std::optional<std::vector<member>> members = read_index(index);
    handle package = open_at(tree.number(), "package");
    if (members && package) return stored_tree{std::move(package), std::move(*members)};
  }
  return std::nullopt;
}

stored_tree store::add(const integrity& of, std::span<const std::byte> tarball, unpack_limits limits) {
  limits.ignores_case = limits.ignores_case || ignores_case_;
  const std::string name = std::to_string(made_.fetch_add(1));
  if (::mkdirat(scratch_.number(), name.c_str(), 0777) != 0) throw_errno(path_);
  stored_tree made;
  try {
    const handle tree = open_at(scratch_.number(), name);
    if (!tree || ::mkdirat(tree.number(), "package", 0777) != 0) throw_errno(path_);
    made.folder = open_at(tree.number(), "package");
    if (!made.folder) throw_errno(path_);
    made.members = unpack(tarball, made.folder.number(), limits);
    write_file(tree.number(), "index", write_index(made.members), 0666);
    const std::string place = tree_path(of.algorithm(), of.digests().front());
    make_folders(root_.number(), place.substr(0, place.rfind('/')), 0777);
    if (::renameat(scratch_.number(), name.c_str(), root_.number(), place.c_str()) == 0) return made;
    if (errno != EEXIST && errno != ENOTEMPTY) throw_errno(path_ + '/' + place);
    // Another run has been faster, or what lies there is damaged.
    if (std::optional<stored_tree> theirs = find(of)) {
      remove_tree(scratch_.number(), name.c_str());
      return std::move(*theirs);
    }
    remove_tree(root_.number(), place.c_str());
    if (::renameat(scratch_.number(), name.c_str(), root_.number(), place.c_str()) != 0) throw_errno(place);
    return made;
  } catch (...) {
    remove_tree(scratch_.number(), name.c_str());
    throw;
  }
}

}  // namespace tool::install
