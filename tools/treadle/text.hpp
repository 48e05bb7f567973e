#pragma once

#include "digest.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace tool {

/// Appends `name` with newline, carriage return and backslash written as \n, \r and \\, as sha256sum does.
void append_escaped(std::string& text, std::string_view name);

/// Appends sha256sum's line for the file `folder` + `name`.
void append_sum_line(std::string& text, const digest& sum, std::string_view folder, std::string_view name);

/// Appends `"path":"..."`, and for what is no UTF-8 also `"path_base64":"..."` with the very bytes.
void append_json_path(std::string& text, std::string_view path);

/// Appends `value` as a JSON string; what is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& text, std::string_view value);

/// Appends the 64 hexadecimal digits.
void append_hex(std::string& text, const digest& sum);

/// Returns `name` fit for one line of a terminal: control characters and backslashes are escaped.
std::string readable(std::string_view name);

/// Returns 1234567 as "1,234,567".
std::string with_commas(std::uint64_t number);

/// Returns a size such as "4.29 GB".
std::string human_bytes(double bytes);

}  // namespace tool
