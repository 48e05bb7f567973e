#include "check_list.hpp"

#include "text.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace tool {

namespace {

/// Reads the digest at the start of `text`; false if there is none of just this length.
bool take_digest(std::string_view& text, digest& sum) noexcept {
  if (text.size() < 2 * digest_bytes) return false;
  for (std::size_t i = 0; i < digest_bytes; ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    sum[i] = static_cast<unsigned char>(high << 4 | low);
  }
  text.remove_prefix(2 * digest_bytes);
  return true;
}

/// Undoes the escapes of a line that began with a backslash; false for a sequence that nobody writes.
bool unescape(std::string_view text, std::string& name) {
  name.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      name += text[i];
      continue;
    }
    if (++i == text.size()) return false;
    if (text[i] == 'n') {
      name += '\n';
    } else if (text[i] == 'r') {
      name += '\r';
    } else if (text[i] == '\\') {
      name += '\\';
    } else {
      return false;
    }
  }
  return true;
}

bool take_name(std::string_view text, bool is_escaped, std::string& name) {
  if (text.empty() || text.find('\0') != text.npos) return false;
  if (is_escaped) return unescape(text, name);
  name = text;
  return true;
}

/// `SHA256 (name) = digest`
bool parse_tagged(std::string_view text, bool is_escaped, check_line& read) {
  text.remove_prefix(text.front() == ' ' ? 1 : 0);
  if (!text.starts_with('(')) return false;
  const std::size_t end = text.rfind(')');
  if (end == text.npos) return false;
  std::string_view rest = text.substr(end + 1);
  const auto skip_blanks = [&] {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  };
  skip_blanks();
  if (!rest.starts_with('=')) return false;
  rest.remove_prefix(1);
  skip_blanks();
  return take_digest(rest, read.sum) && rest.empty() && take_name(text.substr(1, end - 1), is_escaped, read.name);
}

}  // namespace

check_parser::verdict check_parser::parse(std::string_view text, check_line& read) {
  if (text.starts_with('#')) return verdict::ignored;
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.empty()) return verdict::ignored;
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  const bool is_escaped = text.starts_with('\\');
  if (is_escaped) text.remove_prefix(1);
  constexpr std::string_view tag = "SHA256";
  if (text.starts_with(tag) && text.size() > tag.size()) {
    return parse_tagged(text.substr(tag.size()), is_escaped, read) ? verdict::line : verdict::malformed;
  }
  return parse_plain(text, is_escaped, read) ? verdict::line : verdict::malformed;
}

bool check_parser::parse_plain(std::string_view text, bool is_escaped, check_line& read) {
  if (!take_digest(text, read.sum) || text.size() < 2 || (text[0] != ' ' && text[0] != '\t')) return false;
  text.remove_prefix(1);
  // Not both in one list: else who may choose names could make one that begins with a space stand for another file.
  const bool has_one_space = text.size() == 1 || (text[0] != ' ' && text[0] != '*');
  if (has_one_space) {
    if (style_ == style::two_characters) return false;
    style_ = style::one_space;
  } else if (style_ != style::one_space) {
    style_ = style::two_characters;
    text.remove_prefix(1);
  }
  return take_name(text, is_escaped, read.name);
}

int for_each_line(int fd, const std::function<void(std::string_view)>& line) {
  constexpr std::size_t block_bytes = 256 * 1024;
  const auto block = std::make_unique<char[]>(block_bytes);
  std::string begun;
  for (;;) {
    const ssize_t got = ::read(fd, block.get(), block_bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    std::string_view text(block.get(), static_cast<std::size_t>(got));
    for (std::size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
      if (begun.empty()) {
        line(text.substr(0, end));
      } else {
        begun += text.substr(0, end);
        line(begun);
        begun.clear();
      }
    }
    begun += text;
  }
  if (!begun.empty()) line(begun);
  return 0;
}

}  // namespace tool
