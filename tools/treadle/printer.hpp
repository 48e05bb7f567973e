#pragma once

#include "tree.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// Appends what standard output says of one settled file: sha256sum's line, the check's verdict, or a JSON record.
/// Nothing for an unreadable file, unless it is one of a check list.
void append_result(std::string& text, const job& work, std::string_view folder_path, const entry& of);

/// Prints the tree in order. One thread at a time: it prints as far as all is settled, marks the first entry that is
/// not as awaited, and leaves; who settles that entry goes on. So no thread waits, and there is no lock.
class printer {
 public:
  explicit printer(job& work) noexcept : work_(work) {}

  /// Prints what there is already. `joins_previous[i]`: the i-th entry of the root may hold paths that belong before
  /// those of the entry before it; such neighbours are sorted together before they are printed.
  void start(folder& root, std::vector<bool> joins_previous);
  /// Prints on. Only for who settled the awaited entry.
  void advance();

 private:
  struct collected {
    std::string path;
    digest sum;
    entry_state state;
  };

  void leave();
  void print(const entry& file);
  void flush();
  void flush_group();
  [[nodiscard]] bool joins_next(std::size_t root_entry) const noexcept;

  job& work_;
  folder* at_ = nullptr;
  std::string path_;  ///< of `at_`
  std::string text_;  ///< printed but not handed to the sink
  std::vector<bool> joins_previous_;
  std::vector<collected> group_;
  bool is_collecting_ = false;
  std::int64_t printed_allowance_ = 0;
};

}  // namespace tool
