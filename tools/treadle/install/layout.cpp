#include "layout.hpp"

#include "../text.hpp"
#include "bins.hpp"
#include "fault.hpp"

#include <linux/fs.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cstdio>
#include <string_view>

namespace tool::install {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* modules = "node_modules";

/// A package that the registry has, as far as its URL shows it.
bool is_of_registry(const json& entry) {
  const auto resolved = entry.find("resolved");
  if (resolved == entry.end() || !resolved->is_string() || entry.contains("link")) return false;
  const std::string url = resolved->get<std::string>();
  return url.starts_with("http") && url.find("/-/") != url.npos;
}

}  // namespace

layout::layout(const lock_file& lock) : lock_(lock), roots_(layout_roots(lock)), project_(open_folder(lock.root)) {
  if (!project_) throw_errno(lock.root);
  if (::flock(project_.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) throw fault("another treadle install is at work in " + lock.root);
    throw_errno(lock.root);
  }
  for (const std::string& root : roots_) check_way(root);
  for (const std::string& root : roots_) clear_away(root);
}

/// What is laid out in a workspace behind a link would land, and replace what is there, wherever that leads.
void layout::check_way(const std::string& root) const {
  const handle found = open_beneath(project_.number(), root, O_PATH | O_DIRECTORY);
  if (found || errno == ENOENT) return;
  if (errno == ELOOP) {
    throw fault("'" + readable(root) + "' lies behind a symbolic link, and nothing is installed through one");
  }
  throw_errno(folder_of(root));
}

void layout::clear_away(const std::string& root) const {
  const std::string folder = folder_of(root);
  struct stat found;
  if (::lstat((folder + retired).c_str(), &found) == 0 && ::lstat((folder + modules).c_str(), &found) != 0) {
    static_cast<void>(::rename((folder + retired).c_str(), (folder + modules).c_str()));
  }
  for (const char* const name : {staging, retired}) {
    if (!remove_tree(AT_FDCWD, (folder + name).c_str())) throw_errno(folder + name);
  }
}

layout::~layout() {
  for (const std::string& root : roots_) remove_tree(AT_FDCWD, (folder_of(root) + staging).c_str());
}

std::string layout::folder_of(const std::string& root) const {
  return lock_.root + '/' + (root.empty() ? root : root + '/');
}

handle layout::make_place(const package& of) const {
  const std::string place = staged_path(lock_, of.path, staging);
  make_folders(AT_FDCWD, place, 0777);
  handle made(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) throw_errno(place);
  return made;
}

void layout::make_link(const package& of) const {
  const std::string place = staged_path(lock_, of.path, staging);
  make_folders(AT_FDCWD, place.substr(0, place.rfind('/')), 0777);
  const std::string_view beside = std::string_view(of.path).substr(0, of.path.rfind('/'));
  const std::string target = relative_path(beside, of.resolved);
  if (::symlink(target.c_str(), place.c_str()) != 0) throw_errno(place);
}

bool layout::has(const package& of) const {
  return ::access((staged_path(lock_, of.path, staging) + "/package.json").c_str(), F_OK) == 0;
}

void layout::take_out(const package& of) const {
  const std::string place = staged_path(lock_, of.path, staging);
  if (!remove_tree(AT_FDCWD, place.c_str())) throw_errno(place);
}

void layout::write_hidden_lock(bool hides_resolved) const {
  json hidden = json::object();
  for (const char* const key : {"name", "version"}) {
    if (lock_.text.contains(key)) hidden[key] = lock_.text[key];
  }
  hidden["lockfileVersion"] = 3;
  hidden["requires"] = true;
  json packages = json::object();
  for (const package& each : lock_.packages) {
    if (!each.is_wanted()) continue;
    json entry = lock_.entry(each);
    if (hides_resolved && is_of_registry(entry)) entry.erase("resolved");
    packages.push_back({each.path, std::move(entry)});
  }
  hidden["packages"] = std::move(packages);
  const handle into(::open((folder_of("") + staging).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!into) return;  // npm writes none either where there is no node_modules
  write_file(into.number(), ".package-lock.json", hidden.dump(2, ' ', false, json::error_handler_t::replace) + '\n',
             0666);
}

/// Gives the new `node_modules` of a folder the old one's place.
void layout::swap_in(const std::string& folder) {
  const std::string made = folder + staging;
  const std::string place = folder + modules;
  if (::renameat2(AT_FDCWD, made.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) == 0) return;
  if (errno == EBUSY || errno == EXDEV) {
    throw fault(place + " is a mount point and cannot be replaced; mount the folder above it");
  }
  if (errno != EINVAL && errno != ENOSYS) throw_errno(place);
  // A file system that cannot exchange: for a moment there is none, and the next run puts the old one back.
  const std::string old = folder + retired;
  if (::rename(place.c_str(), old.c_str()) != 0) throw_errno(place);
  if (::rename(made.c_str(), place.c_str()) == 0) return;
  const int error = errno;
  static_cast<void>(::rename(old.c_str(), place.c_str()));
  errno = error;
  throw_errno(place);
}

void layout::commit() {
  // The project's own comes last, for its hidden lock file says that all is there.
  for (auto root = roots_.rbegin(); root != roots_.rend(); ++root) {
    const std::string folder = folder_of(*root);
    const std::string made = folder + staging;
    const std::string place = folder + modules;
    struct stat found;
    const bool is_made = ::lstat(made.c_str(), &found) == 0;
    const bool is_there = ::lstat(place.c_str(), &found) == 0;
    if (!is_made && !is_there) continue;
    if (!is_made && ::mkdir(made.c_str(), 0777) != 0) throw_errno(made);
    if (is_there) {
      swap_in(folder);
    } else if (::rename(made.c_str(), place.c_str()) != 0) {
      throw_errno(place);
    }
  }
  for (const std::string& root : roots_) clear_away(root);
}

}  // namespace tool::install
