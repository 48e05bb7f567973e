#include "text.hpp"

#include <treadle/http/headers.hpp>

#include <algorithm>

namespace treadle::http {

void headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

std::size_t headers::remove(std::string_view name) {
  return std::erase_if(lines_, [&](const header& each) { return detail::same_name(each.name, name); });
}

const std::string* headers::find(std::string_view name) const noexcept {
  const auto found = std::find_if(lines_.begin(), lines_.end(),
                                  [&](const header& each) { return detail::same_name(each.name, name); });
  return found != lines_.end() ? &found->value : nullptr;
}

std::string_view headers::value(std::string_view name, std::string_view otherwise) const noexcept {
  const std::string* const found = find(name);
  return found != nullptr ? std::string_view(*found) : otherwise;
}

}  // namespace treadle::http
