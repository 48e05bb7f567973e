#pragma once

#include "digest.hpp"

#include <cstdint>
#include <span>
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

/// Appends the bytes as hexadecimal digits.
void append_hex(std::string& text, std::span<const unsigned char> bytes);
/// Returns the bytes as hexadecimal digits.
std::string hex(std::string_view bytes);
/// Returns what one hexadecimal digit stands for; -1 if it is none.
int hex_value(char c) noexcept;
/// Returns the bytes that hexadecimal digits stand for; nothing if they are none.
std::string from_hex(std::string_view digits);

std::string to_base64(std::string_view bytes);
/// Returns nothing for what is no base64.
std::string from_base64(std::string_view text);

/// Returns the text with small letters for the capitals of ASCII.
std::string lower(std::string_view text);

/// Returns `name` fit for one line of a terminal: backslashes are escaped, and what a terminal could obey.
std::string readable(std::string_view name);
/// Returns a message fit for one line of a terminal: as `readable`, but backslashes stay, for the names in it have
/// theirs escaped already.
std::string printable(std::string_view text);

/// Returns 1234567 as "1,234,567".
std::string with_commas(std::uint64_t number);

/// Returns a size such as "4.29 GB".
std::string human_bytes(double bytes);

}  // namespace tool
