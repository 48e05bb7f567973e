#include "site_names.hpp"

#include "../os/os.hpp"

#include <charconv>
#include <cstring>

namespace treadle::obs {

namespace {

constexpr std::size_t longest_name = 400;

std::string hex(std::uint64_t number) {
  char digits[24];
  return "0x" + std::string(digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr);
}

site_name name_of(detail::site_word site) {
  if (!site.is_known()) return {"task", ""};
  if (site.is_function()) return {"task", "callback=" + hex(site.address())};
  if (!detail::os::is_loaded(site.file())) return {"task", "unloaded"};
  const std::string file(site.file(), strnlen(site.file(), longest_name));
  if (file.empty()) return {"task", ""};
  const std::string line = site.line() != 0 ? ":" + std::to_string(site.line()) : "";
  const std::size_t folders = site.line() != 0 ? file.rfind('/') + 1 : 0;
  return {file.substr(folders) + line, file + line};
}

}  // namespace

const site_name& site_names::of(std::uint64_t word) {
  const auto found = known_.find(word);
  return found != known_.end() ? found->second : known_.emplace(word, name_of(detail::site_word(word))).first->second;
}

}  // namespace treadle::obs
