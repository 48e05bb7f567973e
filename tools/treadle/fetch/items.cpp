#include "../hash_cli.hpp"
#include "../install/fault.hpp"
#include "../install/folder.hpp"
#include "../install/settings.hpp"
#include "../text.hpp"
#include "fetch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <string_view>
#include <unordered_map>

namespace tool::fetch {

namespace {

/// `sha256:<hex>`, or a Subresource Integrity such as `sha512-<base64>`.
install::integrity parse_checksum(const std::string& text) {
  const std::size_t colon = text.find(':');
  try {
    if (colon == text.npos) return install::integrity::parse(text);
    return install::integrity::of(text.substr(0, colon), from_hex(std::string_view(text).substr(colon + 1)));
  } catch (const install::fault&) {
    throw bad_option(
        fmt::format("the checksum '{}' is none; give sha256:HEX, sha512:HEX or as sha512-BASE64", readable(text)));
  }
}

std::string name_from(const std::string& url) {
  const install::url_parts parts = install::url_parts::of(url);
  if (parts.scheme.empty() || parts.host.empty()) {
    throw bad_option(fmt::format("'{}' is no http or https URL", readable(url)));
  }
  const std::string_view path = parts.path.substr(0, parts.path.find_first_of("?#"));
  return std::string(path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1));
}

/// Whether a file of this name could be that in which another one is being gathered.
bool is_name_of_part(std::string_view name) noexcept {
  return name.starts_with('.') && (name.ends_with(part_ending) || name.ends_with(source_ending));
}

void check_name(const item& each) {
  const std::string& name = each.name;
  if (name.empty()) {
    throw bad_option(fmt::format("'{}' names no file; a --manifest line 'URL NAME' does", readable(each.url)));
  }
  if (name == "." || name == ".." || name.find('/') != name.npos || name.find('\0') != name.npos) {
    throw bad_option(fmt::format("'{}' is no name for a file", readable(name)));
  }
  if (is_name_of_part(name)) {
    throw bad_option(fmt::format("the name '{}' is kept for files that are not whole yet", readable(name)));
  }
  if (name.size() > 230) throw bad_option(fmt::format("the name '{}' is too long", readable(name)));
}

std::string read_text(const std::string& path) {
  if (path != "-") return install::read_file(path);
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

std::vector<std::vector<std::string>> read_lines(const std::string& path) {
  std::vector<std::vector<std::string>> lines;
  const std::string text = read_text(path);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::vector<std::string> words;
    while (!line.empty()) {
      const std::size_t begin = line.find_first_not_of(" \t\r");
      if (begin == line.npos) break;
      line.remove_prefix(begin);
      const std::size_t stop = std::min(line.find_first_of(" \t\r"), line.size());
      words.emplace_back(line.substr(0, stop));
      line.remove_prefix(stop);
    }
    if (!words.empty() && !words.front().starts_with('#')) lines.push_back(std::move(words));
  }
  return lines;
}

void add_manifest(const std::string& path, std::vector<item>& items) {
  for (const std::vector<std::string>& words : read_lines(path)) {
    if (words.size() > 3) {
      throw bad_option(fmt::format("the line of {} with '{}' has {} words; give URL, name and checksum", path,
                                   readable(words.front()), words.size()));
    }
    item made{words[0], words.size() > 1 ? words[1] : name_from(words[0]), std::nullopt};
    static_cast<void>(name_from(made.url));  // it has to be a URL
    if (words.size() > 2) made.checksum = parse_checksum(words[2]);
    items.push_back(std::move(made));
  }
}

}  // namespace

std::vector<item> read_items(const options& asked) {
  std::vector<item> items;
  for (const std::string& url : asked.urls) items.push_back({url, name_from(url), std::nullopt});
  if (!asked.list_path.empty()) {
    for (const std::vector<std::string>& words : read_lines(asked.list_path)) {
      if (words.size() > 1) {
        throw bad_option(
            fmt::format("the line of {} with '{}' has more than a URL; --manifest takes names and "
                        "checksums",
                        asked.list_path, readable(words.front())));
      }
      items.push_back({words.front(), name_from(words.front()), std::nullopt});
    }
  }
  if (!asked.checksums.empty()) {
    if (asked.checksums.size() != items.size()) {
      throw bad_option(fmt::format("there are {} checksums for {} URLs; give one for each, in their order",
                                   asked.checksums.size(), items.size()));
    }
    for (std::size_t i = 0; i < items.size(); ++i) items[i].checksum = parse_checksum(asked.checksums[i]);
  }
  if (!asked.manifest_path.empty()) add_manifest(asked.manifest_path, items);
  if (items.empty()) throw bad_option("no URL is given; name some, or a file of them with -i");
  std::unordered_map<std::string_view, const item*> by_name;
  for (const item& each : items) {
    check_name(each);
    const auto [before, is_new] = by_name.emplace(each.name, &each);
    if (!is_new) {
      throw bad_option(fmt::format("'{}' and '{}' would both become '{}'; a --manifest line 'URL NAME' names one anew",
                                   readable(before->second->url), readable(each.url), readable(each.name)));
    }
  }
  return items;
}

}  // namespace tool::fetch
