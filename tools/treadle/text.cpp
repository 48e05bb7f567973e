#include "text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>

namespace tool {

namespace {

constexpr std::string_view escaped_bytes = "\n\r\\";

std::string base64(std::string_view bytes) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (at + k < bytes.size() ? static_cast<unsigned char>(bytes[at + k]) : 0U);
    }
    const std::size_t used = std::min<std::size_t>(bytes.size() - at, 3) + 1;
    for (std::size_t k = 0; k < 4; ++k) text += k < used ? digits[group >> (18 - 6 * k) & 63] : '=';
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

void append_hex(std::string& text, const digest& sum) {
  static constexpr std::string_view digits = "0123456789abcdef";
  char hex[2 * digest_bytes];
  for (std::size_t i = 0; i < digest_bytes; ++i) {
    hex[2 * i] = digits[sum[i] >> 4];
    hex[2 * i + 1] = digits[sum[i] & 15];
  }
  text.append(hex, sizeof hex);
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
    text += ",\"path_base64\":\"" + base64(path) + '"';
  }
}

std::string readable(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      if (c == '\n') {
        text += "\\n";
      } else {
        text += fmt::format("\\{:03o}", byte);
      }
    } else if (c == '\\') {
      text += "\\\\";
    } else {
      text += c;
    }
  }
  return text;
}

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
