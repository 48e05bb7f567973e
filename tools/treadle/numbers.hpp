#pragma once

#include "hash_cli.hpp"
#include "text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string>
#include <system_error>

namespace tool {

/// Reads the whole number that `option` was given. Throws bad_option.
template <class Number>
Number parse_number(const char* option, const std::string& text, Number least, Number most) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < least || number > most) {
    throw bad_option(fmt::format("{} is '{}'; give a whole number from {} to {}", option, readable(text), least, most));
  }
  return number;
}

}  // namespace tool
