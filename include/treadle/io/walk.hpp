#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/detail/directory_reader.hpp>
#include <treadle/io/directory_entry.hpp>
#include <treadle/result.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace treadle::io {

/// How to walk a tree.
struct walk_options {
  /// Enters directories that links lead to, too. One that is above itself that way is an error of its entry, ELOOP.
  bool follow_links = false;
  /// How many directories below the root are entered; 1: only the root's own entries.
  std::size_t most_levels = SIZE_MAX;
};

/// Something that a walk comes by.
struct walk_entry {
  std::string path;  ///< the root as it was given, and the names down from there
  directory_entry::kind what = directory_entry::kind::unknown;
  std::size_t level = 1;  ///< 1: in the root; 0: the root itself, which comes only if it cannot be read on
  /// Set: `path` could not be entered, or read on, or its kind be had; the walk goes on behind it. A directory that
  /// cannot be entered has had an entry without an error before.
  std::error_code error;
};

/// Goes through all that is below a directory: each directory first, then what is in it. Keeps one descriptor and one
/// block of 32 KiB for each level that it is deep, whatever the number of entries, and looks names up in the directory
/// that it has open: neither a path's length nor a rename above sets a limit. Move-only, used by one coroutine at a
/// time; must outlive every operation on it.
///
/// Who waits and what a request to stop does: as with `directory`. A walk that was stopped may be gone on with.
class TREADLE_EXPORT walk {
 public:
  /// Begins nothing yet.
  explicit walk(std::string root, walk_options how = {}) noexcept : path_(std::move(root)), how_(how) {}

  /// Returns the next entry; none at the end. What fails inside is an entry with an error; the call itself fails if the
  /// root cannot be opened, and with `errc::cancelled`. Throws std::bad_alloc.
  coro::task<result<std::optional<walk_entry>>> next();

  /// Does not enter the directory that `next` has returned last.
  void skip() noexcept { enters_ = false; }

 private:
  struct level {
    detail::directory_reader reader;
    std::size_t path_bytes = 0;                ///< of `path_`, to this directory
    detail::directory_reader::identity which;  ///< where links are followed
  };

  [[nodiscard]] result<void> enter();
  [[nodiscard]] walk_entry describe(const directory_entry& found);

  std::string path_;  ///< to what was returned last
  std::size_t name_begins_ = 0;
  walk_options how_;
  std::vector<level> levels_;  ///< from the root down to the directory that is read
  bool has_begun_ = false;
  bool enters_ = false;  ///< what was returned last is a directory, and comes next
};

}  // namespace treadle::io
