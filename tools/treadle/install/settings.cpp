#include "settings.hpp"

#include "../text.hpp"
#include "fault.hpp"
#include "folder.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

extern char** environ;

namespace tool::install {

namespace {

constexpr std::string_view npm_registry = "https://registry.npmjs.org/";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::string without_quotes(std::string_view text) {
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
    text = text.substr(1, text.size() - 2);
  }
  return std::string(text);
}

/// Puts the environment's values for `${NAME}`; what is not set stays as it stands, as npm has it.
std::string expand(std::string_view text) {
  std::string made;
  while (!text.empty()) {
    const std::size_t begin = text.find("${");
    const std::size_t end = begin == text.npos ? begin : text.find('}', begin);
    if (end == text.npos) break;
    made += text.substr(0, begin);
    std::string name(text.substr(begin + 2, end - begin - 2));
    const bool may_miss = name.ends_with('?');
    if (may_miss) name.pop_back();
    const char* const value = std::getenv(name.c_str());
    if (value != nullptr) {
      made += value;
    } else if (!may_miss) {
      made += text.substr(begin, end - begin + 1);
    }
    text.remove_prefix(end + 1);
  }
  return made += text;
}

std::optional<std::string> read_if_there(const std::string& path) {
  struct stat found;
  // /dev/null is how users say that there is none.
  if (::stat(path.c_str(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  return read_regular(path);
}

/// Where npm keeps what is set for the whole machine: beside the folder of the `node` that is run.
std::string global_file() {
  const char* const path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const std::string folder(rest.substr(0, rest.find(':')));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (!folder.empty() && ::access((folder + "/node").c_str(), X_OK) == 0) {
      const std::size_t slash = folder.rfind('/');
      if (slash != folder.npos) return folder.substr(0, slash) + "/etc/npmrc";
    }
  }
  return {};
}

/// Adds the `npm_config_*` of the environment; underscores stand for dashes.
void add_environment(std::map<std::string, std::string>& values) {
  constexpr std::string_view prefix = "npm_config_";
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view word = *each;
    const std::size_t equals = word.find('=');
    if (equals == word.npos || lower(word.substr(0, std::min(equals, prefix.size()))) != prefix) continue;
    std::string key(word.substr(prefix.size(), equals - prefix.size()));
    if (!key.starts_with("//") && !key.starts_with('@')) {
      key = lower(key);
      std::replace(key.begin() + (key.empty() ? 0 : 1), key.end(), '_', '-');
    }
    if (!word.substr(equals + 1).empty()) values.emplace(key, word.substr(equals + 1));
  }
}

std::string_view without_slash(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

std::string_view host_only(std::string_view host) { return host.substr(0, host.rfind(':')); }

}  // namespace

url_parts url_parts::of(std::string_view url) {
  url_parts parts;
  const std::size_t colon = url.find("://");
  if (colon == url.npos) return parts;
  const std::string scheme = lower(url.substr(0, colon));
  if (scheme != "http" && scheme != "https") return parts;
  parts.scheme = url.substr(0, colon);
  url.remove_prefix(colon + 3);
  const std::size_t slash = std::min(url.find_first_of("/?#"), url.size());
  parts.host = url.substr(0, slash);
  const std::size_t at = parts.host.rfind('@');
  if (at != parts.host.npos) parts.host.remove_prefix(at + 1);
  parts.path = url.substr(slash);
  return parts;
}

std::string shown_url(std::string_view url) {
  const url_parts parts = url_parts::of(url);
  if (parts.scheme.empty()) return readable(url);
  const std::string_view path = parts.path.substr(0, parts.path.find_first_of("?#"));
  return readable(std::string(parts.scheme) + "://" + std::string(parts.host) + std::string(path));
}

void settings::add_file(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == ';' || line.front() == '#' || line.front() == '[') continue;
    const std::size_t equals = line.find('=');
    std::string key = expand(without_quotes(trim(line.substr(0, equals))));
    std::string value = equals == line.npos ? "true" : expand(without_quotes(trim(line.substr(equals + 1))));
    values_.emplace(std::move(key), std::move(value));
  }
}

settings settings::read(const std::string& folder) {
  settings made;
  add_environment(made.values_);
  const auto add = [&](const std::string& path) {
    if (path.empty()) return;
    if (const std::optional<std::string> text = read_if_there(path)) made.add_file(*text);
  };
  add(folder + "/.npmrc");
  std::string user = made.get("userconfig");
  const char* const home = std::getenv("HOME");
  if (user.empty() && home != nullptr) user = std::string(home) + "/.npmrc";
  add(user);
  const std::string global = made.get("globalconfig");
  add(global.empty() ? global_file() : global);
  return made;
}

std::string settings::get(const std::string& key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? std::string() : found->second;
}

std::string settings::registry_for(std::string_view name) const {
  std::string registry;
  if (name.starts_with('@')) registry = get(std::string(name.substr(0, name.find('/'))) + ":registry");
  if (registry.empty()) registry = get("registry");
  if (registry.empty()) registry = npm_registry;
  if (url_parts::of(registry).scheme.empty()) {
    throw fault("the registry '" + registry + "' is no http or https URL");
  }
  return std::string(without_slash(registry));
}

std::string settings::tarball_url(std::string_view name, std::string_view version, std::string_view resolved) const {
  const std::string registry = registry_for(name);
  if (resolved.empty()) {
    const std::string_view base = name.substr(name.find('/') == name.npos ? 0 : name.find('/') + 1);
    return registry + '/' + std::string(name) + "/-/" + std::string(base) + '-' + std::string(version) + ".tgz";
  }
  // As npm has it, only the registry for all takes others' places, not a scope's.
  const std::string common = registry_for("");
  std::string replaced = get("replace-registry-host");
  if (replaced.empty() || replaced == "npmjs") replaced = "registry.npmjs.org";
  const url_parts from = url_parts::of(resolved);
  const url_parts to = url_parts::of(common);
  if (replaced == "never" || (replaced != "always" && replaced != host_only(from.host))) return std::string(resolved);
  const std::string_view prefix = to.path;
  const bool has_prefix = from.path.starts_with(prefix) &&
                          (from.path.substr(prefix.size()).starts_with('/') || from.path.size() == prefix.size());
  return std::string(to.scheme) + "://" + std::string(to.host) + (has_prefix ? "" : std::string(prefix)) +
         std::string(from.path);
}

bool settings::is_registry_in_the_clear(std::string_view host) const {
  return std::any_of(values_.begin(), values_.end(), [&](const auto& each) {
    if (each.first != "registry" && !each.first.ends_with(":registry")) return false;
    const url_parts registry = url_parts::of(each.second);
    return lower(registry.scheme) == "http" && registry.host == host;
  });
}

std::string settings::authorization(std::string_view url) const {
  const url_parts parts = url_parts::of(url);
  // A path that leads upwards ends elsewhere than the place that it seems to lie below.
  if (parts.scheme.empty() || parts.path.find("/..") != url.npos || lower(parts.path).find("%2e") != url.npos)
    return {};
  // In the clear it goes only to a registry that is configured so, whatever a lock file says.
  if (lower(parts.scheme) == "http" && !is_registry_in_the_clear(parts.host)) return {};
  std::string key = "//" + std::string(parts.host) + std::string(parts.path);
  // The longest part of the path that something is set for.
  for (std::size_t slash = key.rfind('/'); slash != key.npos && slash > 1; slash = key.rfind('/', slash - 1)) {
    for (const std::string& place : {key.substr(0, slash + 1), key.substr(0, slash)}) {
      if (const std::string token = get(place + ":_authToken"); !token.empty()) return "Bearer " + token;
      if (const std::string basic = get(place + ":_auth"); !basic.empty()) return "Basic " + basic;
    }
  }
  return {};
}

}  // namespace tool::install
