#include "plan.hpp"

#include "fault.hpp"
#include "folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/utsname.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace tool::install {

namespace {

/// A package's `os`, `cpu` or `libc`, as npm-install-checks reads it: none of those with an exclamation mark, and one
/// of the others if there are any.
bool is_met(const std::string& value, const std::vector<std::string>& list) {
  if (list.empty() || (list.size() == 1 && list.front() == "any")) return true;
  std::size_t negated = 0;
  bool is_named = false;
  for (const std::string& each : list) {
    if (each.starts_with('!')) {
      ++negated;
      if (each.substr(1) == value) return false;
    } else {
      is_named |= each == value;
    }
  }
  return is_named || negated == list.size();
}

bool fits(const package& each, const platform& here) {
  return is_met(here.os, each.os) && is_met(here.cpu, each.cpu) &&
         (each.libc.empty() || (!here.libc.empty() && is_met(here.libc, each.libc)));
}

/// Who needs whom, by index into the lock file's packages.
class graph {
 public:
  struct edge {
    std::size_t other;
    bool is_optional;
  };

  explicit graph(const lock_file& lock) : needs_(lock.packages.size()), needed_by_(lock.packages.size()) {
    std::unordered_map<std::string_view, std::size_t> by_path;
    for (std::size_t i = 0; i < lock.packages.size(); ++i) by_path.emplace(lock.packages[i].path, i);
    for (std::size_t i = 0; i < lock.packages.size(); ++i) {
      const package& from = lock.packages[i];
      if (from.is_link) {  // stands for where it leads
        const auto target = by_path.find(from.resolved);
        if (target != by_path.end()) connect(i, target->second, false);
        continue;
      }
      for (const need& each : from.needs) {
        const auto found = find_from(by_path, from.path, each.name);
        if (found != by_path.end()) connect(i, found->second, each.is_optional);
      }
    }
    // What the project itself needs without question keeps its place, whoever else is left out.
    const auto root = lock.text.at("packages").find("");
    if (root == lock.text.at("packages").end() || !root->is_object()) return;
    for (const char* const key : {"dependencies", "devDependencies", "peerDependencies"}) {
      const auto wanted = root->find(key);
      if (wanted == root->end() || !wanted->is_object()) continue;
      for (const auto& each : wanted->items()) {
        const auto found = by_path.find("node_modules/" + each.key());
        if (found != by_path.end()) roots_.insert(found->second);
      }
    }
    const auto optional = root->find("optionalDependencies");
    if (optional == root->end() || !optional->is_object()) return;
    for (const auto& each : optional->items()) {
      const auto found = by_path.find("node_modules/" + each.key());
      if (found != by_path.end()) optional_roots_.insert(found->second);
    }
  }

  /// Returns what goes when `start` goes: npm's optional set.
  [[nodiscard]] std::vector<std::size_t> falls_with(std::size_t start) const {
    std::vector<std::size_t> core{start};
    std::unordered_set<std::size_t> in_core{start};
    for (std::size_t i = 0; i < core.size(); ++i) {
      for (const edge& each : needed_by_[core[i]]) {
        if (!each.is_optional && in_core.insert(each.other).second) core.push_back(each.other);
      }
    }
    std::vector<std::size_t> all = core;
    std::unordered_set<std::size_t> in_all = in_core;
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (const edge& each : needs_[all[i]]) {
        if (in_all.insert(each.other).second) all.push_back(each.other);
      }
    }
    for (bool has_changed = true; has_changed;) {
      has_changed = false;
      for (const std::size_t each : all) {
        if (!in_all.contains(each) || in_core.contains(each) || !is_needed_outside(each, in_all)) continue;
        in_all.erase(each);
        has_changed = true;
      }
    }
    return {in_all.begin(), in_all.end()};
  }

 private:
  using index = std::unordered_map<std::string_view, std::size_t>;

  /// Looks a name up as node does: in each `node_modules` from `path` upwards.
  static index::const_iterator find_from(const index& by_path, const std::string& path, const std::string& name) {
    for (std::string_view at = path;;) {
      const std::string candidate = std::string(at) + (at.empty() ? "" : "/") + "node_modules/" + name;
      const auto found = by_path.find(candidate);
      if (found != by_path.end() || at.empty()) return found;
      const std::size_t slash = at.rfind('/');
      at = at.substr(0, slash == at.npos ? 0 : slash);
    }
  }

  void connect(std::size_t from, std::size_t to, bool is_optional) {
    needs_[from].push_back({to, is_optional});
    needed_by_[to].push_back({from, is_optional});
  }

  [[nodiscard]] bool is_needed_outside(std::size_t each, const std::unordered_set<std::size_t>& set) const {
    if (roots_.contains(each) || optional_roots_.contains(each)) return true;
    return std::any_of(needed_by_[each].begin(), needed_by_[each].end(),
                       [&](const edge& by) { return !set.contains(by.other); });
  }

  std::vector<std::vector<edge>> needs_;
  std::vector<std::vector<edge>> needed_by_;
  std::unordered_set<std::size_t> roots_;
  std::unordered_set<std::size_t> optional_roots_;
};

std::string omitted_as(const package& each, const omissions& without) {
  if (each.is_peer && without.peer) return "omitted: peer";
  if (each.is_dev && without.dev) return "omitted: dev";
  if (each.is_optional && without.optional) return "omitted: optional";
  if (each.is_dev_optional && without.dev && without.optional) return "omitted: dev and optional";
  return {};
}

/// Which C library programs here use; read from a loader's text, as npm does.
std::string find_libc() {
  try {
    const std::string loader = read_file("/usr/bin/ldd");
    if (loader.find("musl") != loader.npos) return "musl";
    if (loader.find("GNU C Library") != loader.npos) return "glibc";
    return {};
  } catch (const fault&) {
#ifdef __GLIBC__
    return "glibc";
#else
    return "musl";
#endif
  }
}

}  // namespace

platform platform::current() {
  utsname names{};
  ::uname(&names);
  const std::string_view machine = names.machine;
  platform here;
  here.os = "linux";
  here.cpu = machine == "x86_64"                                   ? "x64"
             : machine == "aarch64"                                ? "arm64"
             : machine.starts_with("arm")                          ? "arm"
             : machine.starts_with("i") && machine.ends_with("86") ? "ia32"
             : machine == "ppc64le"                                ? "ppc64"
                                                                   : std::string(machine);
  here.libc = find_libc();
  return here;
}

void choose_packages(lock_file& lock, const platform& here, const omissions& without) {
  for (package& each : lock.packages) {
    if (each.is_installed_place) each.left_out = omitted_as(each, without);
  }
  std::vector<std::size_t> strangers;
  for (std::size_t i = 0; i < lock.packages.size(); ++i) {
    const package& each = lock.packages[i];
    if (!each.is_wanted() || fits(each, here)) continue;
    if (!each.is_optional) {
      throw fault(
          fmt::format("{} is for another system (os: {}; cpu: {}; libc: {}), and this is {} {} {}; it is not "
                      "optional in the lock file",
                      each.called(), fmt::join(each.os, " "), fmt::join(each.cpu, " "), fmt::join(each.libc, " "),
                      here.os, here.cpu, here.libc));
    }
    strangers.push_back(i);
  }
  if (strangers.empty()) return;
  const graph needs(lock);
  for (const std::size_t stranger : strangers) {
    for (const std::size_t each : needs.falls_with(stranger)) {
      package& out = lock.packages[each];
      if (!out.is_wanted()) continue;
      out.left_out = fits(out, here) ? "needed only by what is left out" : "for another system";
    }
  }
}

void leave_out(lock_file& lock, package& failed, const std::string& why) {
  const graph needs(lock);
  const auto start = static_cast<std::size_t>(&failed - lock.packages.data());
  for (const std::size_t each : needs.falls_with(start)) {
    package& out = lock.packages[each];
    if (out.is_wanted()) out.left_out = each == start ? why : "needed only by what is left out";
  }
}

}  // namespace tool::install
