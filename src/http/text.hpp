#pragma once

#include <algorithm>
#include <string>
#include <string_view>

/// Letters as HTTP sees them: ASCII, whatever the locale.
namespace treadle::http::detail {

constexpr char lower(char letter) noexcept {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

inline bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

inline std::string lowered(std::string text) {
  for (char& each : text) each = lower(each);
  return text;
}

inline std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Says whether it may be a method or the name of a header (RFC 9110, 5.6.2).
inline bool is_token(std::string_view text) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char each) {
    return (each >= '0' && each <= '9') || (lower(each) >= 'a' && lower(each) <= 'z') ||
           marks.find(each) != std::string_view::npos;
  });
}

}  // namespace treadle::http::detail
