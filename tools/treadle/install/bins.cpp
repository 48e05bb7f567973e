#include "bins.hpp"

#include "fault.hpp"
#include "folder.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace tool::install {

namespace {

/// The place of a byte in the order that npm sorts by, Unicode's for English: signs, digits, letters.
int rank(char c) {
  static constexpr std::string_view signs = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";
  const std::size_t sign = signs.find(c);
  if (sign != signs.npos) return static_cast<int>(sign);
  if (c >= '0' && c <= '9') return 100 + c;
  if (c >= 'a' && c <= 'z') return 200 + c;
  if (c >= 'A' && c <= 'Z') return 200 + c - 'A' + 'a';
  return 600 + static_cast<unsigned char>(c);
}

bool is_before(std::string_view one, std::string_view other) {
  const std::size_t common = std::min(one.size(), other.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (rank(one[i]) != rank(other[i])) return rank(one[i]) < rank(other[i]);
  }
  if (one.size() != other.size()) return one.size() < other.size();
  return other < one;  // small letters first
}

std::size_t depth(std::string_view path) {
  std::size_t levels = 0;
  for (std::size_t at = path.find("node_modules/"); at != path.npos; at = path.find("node_modules/", at + 1)) ++levels;
  return levels;
}

/// Returns the `node_modules` that a package lies in.
std::string modules_of(const std::string& path) {
  return path.substr(0, path.rfind("node_modules/") + std::string_view("node_modules").size());
}

/// Lets a command in the user's own folder be run, as npm does, but only one that lies in the project: a link on the
/// way may have been planted, and the mode would be changed wherever that leads.
void make_runnable(int project, const std::string& path) {
  const handle file = open_beneath(project, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat found;
  if (!file || ::fstat(file.number(), &found) != 0 || !S_ISREG(found.st_mode)) return;
  static_cast<void>(::fchmod(file.number(), 0777 & ~current_umask()));
}

}  // namespace

std::string staged_path(const lock_file& lock, const std::string& path, const std::string& staging) {
  const std::string_view root = layout_root(path);
  if (root.size() == path.size()) return lock.root + '/' + path;
  std::string place = lock.root + '/';
  if (!root.empty()) place += std::string(root) + '/';
  place += staging;
  return place += path.substr((root.empty() ? 0 : root.size() + 1) + std::string_view("node_modules").size());
}

void bin_linker::link_all() const {
  struct owner {
    const package* at;
    const package* of;  ///< of a link: what it leads to
  };
  std::unordered_map<std::string_view, const package*> by_path;
  for (const package& each : lock_.packages) by_path.emplace(each.path, &each);
  std::vector<owner> owners;
  for (const package& each : lock_.packages) {
    if (!each.is_wanted() || !each.is_installed_place) continue;
    const auto target = each.is_link ? by_path.find(each.resolved) : by_path.end();
    const package* const of = target != by_path.end() ? target->second : &each;
    if (!of->bins.empty()) owners.push_back({&each, of});
  }
  std::sort(owners.begin(), owners.end(), [](const owner& a, const owner& b) {
    if (a.at->is_link != b.at->is_link) return b.at->is_link;
    const std::size_t a_depth = depth(a.at->path);
    const std::size_t b_depth = depth(b.at->path);
    return a_depth != b_depth ? a_depth < b_depth : is_before(a.at->path, b.at->path);
  });
  std::unordered_set<std::string> taken;
  const handle project = open_folder(lock_.root);
  for (const owner& each : owners) {
    const std::string folder = modules_of(each.at->path) + "/.bin";
    for (const auto& [command, file] : each.of->bins) {
      if (!taken.insert(folder + '/' + command).second) continue;
      // While a link is staged what it leads to is not yet where it points.
      const std::string real = each.at->is_link ? lock_.root + '/' + each.at->resolved + '/' + file
                                                : staged_path(lock_, each.at->path, staging_) + '/' + file;
      struct stat found;
      if (::lstat(real.c_str(), &found) != 0) continue;  // as npm does
      const std::string place = staged_path(lock_, modules_of(each.at->path) + "/.bin", staging_);
      make_folders(AT_FDCWD, place, 0777);
      const std::string target = relative_path(folder, each.at->path + '/' + file);
      if (::symlink(target.c_str(), (place + '/' + command).c_str()) != 0 && errno != EEXIST) {
        throw_errno(place + '/' + command);
      }
      // Packages from the store have their modes; a folder of the user's own gets it here, as npm gives it.
      if (each.at->is_link) make_runnable(project.number(), each.at->resolved + '/' + file);
    }
  }
}

}  // namespace tool::install
