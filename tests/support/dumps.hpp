#pragma once

#include "waiting.hpp"

#include <treadle/source_site.hpp>
#include <treadle/thread_pool.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>

namespace treadle::test {

/// A file without a name, to write to by its descriptor and to read from the beginning.
class temporary_file {
 public:
  temporary_file() : file_(std::tmpfile()) { EXPECT_NE(file_, nullptr); }
  ~temporary_file() {
    if (file_ != nullptr) std::fclose(file_);
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return fileno(file_); }
  [[nodiscard]] std::string read() const {
    std::string all;
    char part[4096];
    for (ssize_t got = 0; (got = pread(descriptor(), part, sizeof part, static_cast<off_t>(all.size()))) > 0;) {
      all.append(part, static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  std::FILE* file_;
};

/// Returns what `pool` says of itself.
inline std::string dump_of(thread_pool& pool) {
  const temporary_file file;
  const std::error_code failed = pool.dump(file.descriptor());
  EXPECT_FALSE(failed) << failed.message();
  return file.read();
}

/// Returns the first line of a dump that begins with the first word and has all others in it, as soon as there is one;
/// nothing after too long a time, which is a failure.
inline std::string dump_line(thread_pool& pool, std::initializer_list<std::string> words) {
  std::string found, last;
  static_cast<void>(eventually([&] {
    last = dump_of(pool);
    for (std::size_t begin = 0, end = 0; (end = last.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const std::string line = last.substr(begin, end - begin + 1);
      bool has_all = line.rfind(*words.begin(), 0) == 0;
      for (const std::string& word : words) has_all = has_all && line.find(word) != std::string::npos;
      if (has_all) {
        found = line;
        return true;
      }
    }
    return false;
  }));
  if (found.empty()) {
    std::string wanted;
    for (const std::string& word : words) wanted += "[" + word + "]";
    ADD_FAILURE() << "no line with " << wanted << " in\n" << last;
  }
  return found;
}
inline bool dump_has(thread_pool& pool, std::initializer_list<std::string> words) {
  return !dump_line(pool, words).empty();
}

/// Returns the number behind `key` in a line, in seconds if it is a time.
inline double age_in(const std::string& line, const std::string& key) {
  const std::size_t at = line.find(key);
  return at != std::string::npos ? std::strtod(line.c_str() + at + key.size(), nullptr) : -1.0;
}
inline std::size_t number_in(const std::string& line, const std::string& key) {
  const std::size_t at = line.find(key);
  if (at == std::string::npos) ADD_FAILURE() << "no" << key << " in " << line;
  return at != std::string::npos ? std::strtoul(line.c_str() + at + key.size(), nullptr, 10) : SIZE_MAX;
}

/// A place in the source that nothing else has, and how a dump writes it.
struct planted_site {
  source_site site;
  std::string text;
};
inline planted_site here() {
  static std::atomic<std::uint32_t> next{10'000};
  const source_site made{"planted", next.fetch_add(1)};
  return {made, "planted:" + std::to_string(made.line)};
}

}  // namespace treadle::test
