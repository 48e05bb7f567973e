#pragma once

#include <treadle/obs/write_trace.hpp>
#include <treadle/thread_pool.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace treadle::test {

/// Says whether a text is one JSON value and nothing else.
class json_reader {
 public:
  [[nodiscard]] static bool is_whole(std::string_view text) {
    json_reader reader(text);
    return reader.value() && reader.next() == '\0' && reader.at_ == text.size();
  }

 private:
  explicit json_reader(std::string_view text) : text_(text) {}

  char next() {
    while (at_ < text_.size() && std::string_view(" \n\t").find(text_[at_]) != std::string_view::npos) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char wanted) {
    if (next() != wanted) return false;
    ++at_;
    return true;
  }
  bool string() {
    if (!take('"')) return false;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (static_cast<unsigned char>(text_[at_]) < ' ') return false;
      at_ += text_[at_] == '\\' ? 2U : 1U;
    }
    return take('"');
  }
  bool list(char end, bool named) {
    if (take(end)) return true;
    do {
      if (named && !(string() && take(':'))) return false;
      if (!value()) return false;
    } while (take(','));
    return take(end);
  }
  bool value() {
    if (take('{')) return list('}', true);
    if (take('[')) return list(']', false);
    if (next() == '"') return string();
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view(",]} \n").find(text_[at_]) == std::string_view::npos) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (word == "true" || word == "false") return true;
    return !word.empty() && word.find_first_not_of("0123456789.-") == std::string_view::npos;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// A trace, an event a line.
class trace {
 public:
  explicit trace(thread_pool& pool, std::chrono::nanoseconds last = std::chrono::nanoseconds::max()) {
    std::ostringstream into;
    obs::write_trace(pool, into, last);
    text = into.str();
    EXPECT_TRUE(json_reader::is_whole(text)) << text;
    std::istringstream from(text);
    for (std::string line; std::getline(from, line);) lines.push_back(line);
  }

  /// Returns the events that have all of that in them.
  [[nodiscard]] std::vector<std::string> with(std::initializer_list<std::string> words) const {
    std::vector<std::string> found;
    for (const std::string& line : lines) {
      bool all = true;
      for (const std::string& word : words) all = all && line.find(word) != std::string::npos;
      if (all) found.push_back(line);
    }
    return found;
  }
  /// Returns the first such event; nothing if there is none.
  [[nodiscard]] std::string first(std::initializer_list<std::string> words) const {
    const std::vector<std::string> found = with(words);
    return found.empty() ? "" : found.front();
  }

  std::string text;
  std::vector<std::string> lines;
};

/// Returns a member of an event that is a number; not a number if there is none.
inline double value_in(const std::string& event, const std::string& member) {
  const std::size_t at = event.find("\"" + member + "\":");
  if (at == std::string::npos) return std::numeric_limits<double>::quiet_NaN();
  return std::strtod(event.c_str() + at + member.size() + 3, nullptr);
}

}  // namespace treadle::test
