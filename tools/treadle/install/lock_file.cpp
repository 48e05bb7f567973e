#include "lock_file.hpp"

#include "../text.hpp"
#include "fault.hpp"
#include "folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace tool::install {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view modules = "node_modules";

std::string text_of(const json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool flag_of(const json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> list_of(const json& entry, const char* key) {
  std::vector<std::string> list;
  const auto found = entry.find(key);
  if (found == entry.end()) return list;
  if (found->is_string()) list.push_back(found->get<std::string>());
  if (!found->is_array()) return list;
  for (const json& each : *found) {
    if (each.is_string()) list.push_back(each.get<std::string>());
  }
  return list;
}

/// Commands as npm-normalize-package-bin cleans them: neither end leaves its folder.
std::vector<std::pair<std::string, std::string>> bins_of(const json& entry, const std::string& name) {
  std::vector<std::pair<std::string, std::string>> bins;
  const auto add = [&](std::string command, std::string file) {
    std::replace_if(
        command.begin(), command.end(), [](char c) { return c == '\\' || c == ':'; }, '/');
    while (!command.empty() && command.back() == '/') command.pop_back();
    command = confined(command.substr(command.rfind('/') + 1));
    std::replace(file.begin(), file.end(), '\\', '/');
    file = confined(file);
    if (command.empty() || file.empty() || (command + file).find('\0') != std::string::npos) return;
    bins.emplace_back(std::move(command), std::move(file));
  };
  const auto found = entry.find("bin");
  if (found == entry.end()) return bins;
  if (found->is_string()) add(name, found->get<std::string>());
  if (found->is_object()) {
    for (const auto& [command, file] : found->items()) {
      if (file.is_string()) add(command, file.get<std::string>());
    }
  }
  return bins;
}

void add_needs(const json& entry, const char* key, bool is_optional, std::vector<need>& needs) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_object()) return;
  const auto meta = entry.find("peerDependenciesMeta");
  for (const auto& each : found->items()) {
    bool optional = is_optional;
    if (std::string_view(key) == "peerDependencies" && meta != entry.end() && meta->is_object()) {
      const auto of = meta->find(each.key());
      optional = of != meta->end() && of->is_object() && flag_of(*of, "optional");
    }
    needs.push_back({each.key(), optional});
  }
}

/// Says what is wrong with a name behind `node_modules`; nothing if it is all right.
std::string_view fault_of_name(std::string_view name) {
  if (name.empty()) return "it has an empty name";
  if (name.front() == '.') return "a package's name does not begin with a dot";
  if (name == modules) return "node_modules is no package";
  return {};
}

/// Says what is wrong with the path of an entry; nothing if it is all right.
std::string_view fault_of_path(std::string_view path) {
  if (path.front() == '/') return "it is absolute";
  if (path.find('\0') != path.npos) return "it holds a zero byte";
  if (path.find('\\') != path.npos) return "it holds a backslash";
  std::vector<std::string_view> parts;
  for (std::string_view rest = path;;) {
    const std::size_t end = rest.find('/');
    parts.push_back(rest.substr(0, end));
    if (end == rest.npos) break;
    rest.remove_prefix(end + 1);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty() || parts[i] == ".") return "it has an empty part";
    if (parts[i] == "..") return "it leads out of the project";
    if (i == 0 || parts[i - 1] != modules) continue;
    if (const std::string_view wrong = fault_of_name(parts[i]); !wrong.empty()) return wrong;
    if (parts[i].front() != '@') continue;
    if (i + 1 == parts.size()) return "it ends with a scope";
    if (const std::string_view wrong = fault_of_name(parts[i + 1]); !wrong.empty()) return wrong;
  }
  return parts.back() == modules ? "it names no package" : std::string_view();
}

/// Returns the name at the end of a path: `@scope/name` or `name`.
std::string name_of_path(std::string_view path) {
  const std::size_t at = path.rfind("node_modules/");
  if (at != path.npos) return std::string(path.substr(at + modules.size() + 1));
  return std::string(path.substr(path.rfind('/') + 1));
}

[[noreturn]] void refuse(const std::string& path, std::string_view why) {
  throw fault(fmt::format("the lock file's entry '{}' is refused: {}", readable(path), why));
}

package read_package(const std::string& path, const json& entry) {
  if (!entry.is_object()) refuse(path, "it is no object");
  package made;
  made.path = path;
  made.is_installed_place = path.starts_with("node_modules/") || path.find("/node_modules/") != path.npos;
  made.name = text_of(entry, "name");
  if (made.name.empty()) made.name = name_of_path(path);
  made.version = text_of(entry, "version");
  made.resolved = text_of(entry, "resolved");
  made.integrity = text_of(entry, "integrity");
  made.bins = bins_of(entry, made.name);
  made.os = list_of(entry, "os");
  made.cpu = list_of(entry, "cpu");
  made.libc = list_of(entry, "libc");
  add_needs(entry, "dependencies", false, made.needs);
  add_needs(entry, "optionalDependencies", true, made.needs);
  add_needs(entry, "peerDependencies", false, made.needs);
  if (!made.is_installed_place) add_needs(entry, "devDependencies", false, made.needs);
  made.is_optional = flag_of(entry, "optional");
  made.is_dev = flag_of(entry, "dev");
  made.is_dev_optional = flag_of(entry, "devOptional");
  made.is_peer = flag_of(entry, "peer");
  made.is_bundled = flag_of(entry, "inBundle");
  made.is_link = flag_of(entry, "link");
  made.has_install_script = flag_of(entry, "hasInstallScript");
  return made;
}

/// A package below a link would be written wherever that leads.
void check_links(const std::vector<package>& packages) {
  std::unordered_set<std::string_view> links;
  for (const package& each : packages) {
    if (!each.is_link) continue;
    if (!each.is_installed_place) refuse(each.path, "it is a link outside of node_modules");
    if (each.resolved.empty() || each.resolved.front() == '/' || each.resolved.find('\0') != std::string::npos) {
      refuse(each.path, "it is a link to nowhere below the project");
    }
    links.insert(each.path);
  }
  if (links.empty()) return;
  for (const package& each : packages) {
    for (std::size_t end = each.path.rfind('/'); end != std::string::npos && end > 0;
         end = each.path.rfind('/', end - 1)) {
      if (links.contains(std::string_view(each.path).substr(0, end))) refuse(each.path, "it lies below a link");
    }
  }
}

}  // namespace

std::string package::called() const { return version.empty() ? readable(name) : readable(name + '@' + version); }

lock_file lock_file::read(const std::string& path) {
  lock_file lock;
  lock.path = path;
  const std::size_t slash = path.rfind('/');
  lock.root = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const std::string bytes = read_regular(path);
  try {
    lock.text = json::parse(bytes);
  } catch (const json::parse_error& error) {
    throw fault(fmt::format("{} is no JSON: byte {}", path, error.byte));
  }
  const auto version = lock.text.is_object() ? lock.text.find("lockfileVersion") : lock.text.end();
  if (version == lock.text.end() || !version->is_number_integer()) {
    throw fault(path + " is no npm lock file: it has no lockfileVersion");
  }
  if (*version != 2 && *version != 3) {
    throw fault(fmt::format("{} is of version {}; `npm install --package-lock-only` writes it anew as version 3", path,
                            version->get<std::int64_t>()));
  }
  const auto packages = lock.text.find("packages");
  if (packages == lock.text.end() || !packages->is_object()) throw fault(path + " has no packages");
  for (const auto& [key, entry] : packages->items()) {
    if (key.empty()) continue;
    // A folder beside the project that a link leads to: nothing is laid out in it.
    const bool is_outside = key.starts_with("../") && key.find(modules) == key.npos;
    if (const std::string_view wrong = is_outside ? std::string_view() : fault_of_path(key); !wrong.empty()) {
      refuse(key, wrong);
    }
    lock.packages.push_back(read_package(key, entry));
  }
  check_links(lock.packages);
  return lock;
}

std::string_view layout_root(std::string_view path) {
  const std::size_t at = path.starts_with("node_modules/") ? 0 : path.find("/node_modules/");
  return path.substr(0, at);
}

std::vector<std::string> layout_roots(const lock_file& lock) {
  std::vector<std::string> roots{""};
  const json& all = lock.text.at("packages");
  const auto project = all.find("");
  const bool has_workspaces = project != all.end() && project->is_object() && project->contains("workspaces");
  for (const package& each : lock.packages) {
    if (each.is_installed_place) {
      roots.emplace_back(layout_root(each.path));
    } else if (has_workspaces && !each.path.starts_with("../")) {
      roots.push_back(each.path);
    }
  }
  std::sort(roots.begin(), roots.end());
  roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
  return roots;
}

}  // namespace tool::install
