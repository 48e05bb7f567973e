#include "text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace tool {

namespace {

constexpr std::string_view escaped_bytes = "\n\r\\";

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns how many bytes at the front of `text` a terminal may take for more than a letter: control characters, those
/// of ISO 6429 that UTF-8 has in two bytes, and what turns the direction of writing.
std::size_t control_bytes(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  if (at(0) < 0x20 || at(0) == 0x7f) return 1;
  if (at(0) == 0xc2 && at(1) >= 0x80 && at(1) < 0xa0) return 2;
  if (at(0) != 0xe2) return 0;
  if (at(1) == 0x80 && ((at(2) >= 0xaa && at(2) <= 0xae) || at(2) == 0x8e || at(2) == 0x8f)) return 3;
  return at(1) == 0x81 && at(2) >= 0xa6 && at(2) <= 0xa9 ? 3 : 0;
}

std::string without_controls(std::string_view name, bool escapes_backslashes) {
  std::string text;
  text.reserve(name.size());
  while (!name.empty()) {
    const std::size_t controls = control_bytes(name);
    if (name.front() == '\n') {
      text += "\\n";
    } else if (controls > 0) {
      for (const char c : name.substr(0, controls)) text += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    } else if (name.front() == '\\' && escapes_backslashes) {
      text += "\\\\";
    } else {
      text += name.front();
    }
    name.remove_prefix(std::max<std::size_t>(controls, 1));
  }
  return text;
}

}  // namespace

void append_escaped(std::string& text, std::string_view name) {
  for (const char c : name) {
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\r') {
      text += "\\r";
    } else if (c == '\\') {
      text += "\\\\";
    } else {
      text += c;
    }
  }
}

void append_hex(std::string& text, std::span<const unsigned char> bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::size_t end = text.size();
  text.resize(end + 2 * bytes.size());
  for (const unsigned char byte : bytes) {
    text[end++] = digits[byte >> 4];
    text[end++] = digits[byte & 15];
  }
}

std::string hex(std::string_view bytes) {
  std::string text;
  append_hex(text, std::span(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
  return text;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return {};
  std::string bytes;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    const int high = hex_value(digits[at]);
    const int low = hex_value(digits[at + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (at + k < bytes.size() ? static_cast<unsigned char>(bytes[at + k]) : 0U);
    }
    const std::size_t used = std::min<std::size_t>(bytes.size() - at, 3) + 1;
    for (std::size_t k = 0; k < 4; ++k) text += k < used ? base64_digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = base64_digits.find(c);
    if (digit == base64_digits.npos) return {};
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits & 255);
    }
  }
  return bytes;
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return made;
}

void append_sum_line(std::string& text, const digest& sum, std::string_view folder, std::string_view name) {
  const bool escape =
      folder.find_first_of(escaped_bytes) != folder.npos || name.find_first_of(escaped_bytes) != name.npos;
  if (escape) text += '\\';
  append_hex(text, sum);
  text += "  ";
  if (escape) {
    append_escaped(text, folder);
    append_escaped(text, name);
  } else {
    text += folder;
    text += name;
  }
  text += '\n';
}

void append_json_string(std::string& text, std::string_view value) {
  text += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_json_path(std::string& text, std::string_view path) {
  text += "\"path\":";
  try {
    text += nlohmann::json(path).dump();
  } catch (const nlohmann::json::type_error&) {  // not UTF-8
    append_json_string(text, path);
    text += ",\"path_base64\":\"" + to_base64(path) + '"';
  }
}

std::string readable(std::string_view name) { return without_controls(name, true); }

std::string printable(std::string_view text) { return without_controls(text, false); }

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string human_bytes(double bytes) {
  static constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < units.size(); ++unit) bytes /= 1000;
  if (unit == 0) return fmt::format("{:.0f} B", bytes);
  return fmt::format("{:.{}f} {}", bytes, bytes < 9.995 ? 2 : bytes < 99.95 ? 1 : 0, units[unit]);
}

}  // namespace tool
