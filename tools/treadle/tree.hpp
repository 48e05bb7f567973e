#pragma once

#include "digest.hpp"

#include <treadle/task.hpp>

#include <fcntl.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

struct folder;
struct job;
struct segment;

/// How far an entry is. The last four are final: who sees one of them may read the rest of the entry.
enum class entry_state : std::uint8_t {
  pending,     ///< not hashed, or not listed, yet
  awaited,     ///< the same, and all before it is printed: who settles it prints on
  hashed,      ///< `sum` is its digest
  mismatched,  ///< hashed, but the check list says otherwise
  failed,      ///< could not be read
  listed,      ///< `inside` is a directory whose entries are all known
};

enum class entry_kind : std::uint8_t {
  file,
  stream,  ///< named on the command line, and neither file nor directory: reading it may take for ever
  directory,
};

/// One file or directory. Lives in a segment.
struct entry {
  union {
    digest sum{};    ///< of a file; in a check list the expected one, until the file is hashed
    folder* inside;  ///< of a directory, once it is `listed`
  };
  const char* name_bytes = nullptr;
  std::uint32_t name_length = 0;
  std::uint32_t bytes = 0;  ///< the size when listed; 0 if it is unknown or does not fit
  entry_kind kind = entry_kind::file;
  std::atomic<entry_state> state{entry_state::pending};

  [[nodiscard]] std::string_view name() const noexcept { return {name_bytes, name_length}; }
  [[nodiscard]] bool is_settled() const noexcept { return state.load() > entry_state::awaited; }
};

/// A run of files of one segment that one task hashes.
struct chunk : treadle::task {
  segment* home = nullptr;
  chunk* before = nullptr;  ///< neighbours in the queue
  chunk* after = nullptr;
  std::uint64_t bytes = 0;  ///< of all its files, as far as it is known
  std::uint32_t first = 0;  ///< entries [first, last) of the segment; those that are directories are not its business
  std::uint32_t last = 0;
  std::uint32_t files = 0;
};

/// What one read of a directory brought: entries, and their names behind them. Addresses stay, so that hashing can
/// begin while the rest of the directory is still being read.
struct segment {
  folder* owner = nullptr;
  std::unique_ptr<segment> following;
  std::unique_ptr<entry[]> entries;
  std::unique_ptr<char[]> names;
  std::vector<chunk> chunks;
  std::uint32_t count = 0;
  std::uint32_t next_child = 0;         ///< --unsorted: subdirectories before this one were opened
  std::atomic<std::uint32_t> users{1};  ///< chunks that are not hashed; the walk
  std::uint32_t held_bytes = 0;         ///< what it occupies

  /// Makes one of `count` entries whose names take `names_bytes`.
  static std::unique_ptr<segment> make(folder& owner, std::size_t count, std::size_t names_bytes);
};

/// A directory. It is the task that lists it.
struct folder : treadle::task {
  job* work = nullptr;
  folder* parent = nullptr;
  entry* as_entry = nullptr;          ///< in the parent's segment; null: the root. Sorted runs only
  std::string name;                   ///< with the slash
  std::unique_ptr<segment> segments;  ///< unsorted: only those with subdirectories that are not opened
  segment* last_segment = nullptr;
  std::vector<entry*> order;       ///< sorted runs: all entries as they are printed
  std::uint32_t next_child = 0;    ///< in `order`: the walk opened the subdirectories before this one
  std::uint32_t next_printed = 0;  ///< in `order`: the printer's place
  std::uint32_t path_length = 0;
  int fd = unopened;
  bool keeps_fd = false;  ///< `fd` stays open until all beneath is opened, and counts against the budget
  bool is_listed = false;
  bool has_children = false;
  std::atomic<std::uint32_t> users{1};   ///< the walk, segments with files to hash, subdirectories with users
  std::atomic<std::uint32_t> owners{2};  ///< the printer, and the users together

  static constexpr int unopened = -1;

  [[nodiscard]] bool is_root() const noexcept { return parent == nullptr; }
  /// Returns the path of everything in here: the names from the root down, the slash at the end included.
  [[nodiscard]] std::string path() const;
};

/// Says which is printed first: the order of the bytes of the whole paths, thus with a slash behind a directory's name.
[[nodiscard]] bool is_before(const entry& a, const entry& b) noexcept;

/// Fills and sorts `listed.order`.
void put_in_order(folder& listed);

/// Opens an entry of `at`, whose descriptor is `at_fd`. Returns a descriptor, or -1 with errno set. Symbolic links are
/// followed only where the user named the path; what else was put in the entry's place since makes nobody wait.
[[nodiscard]] int open_entry(int at_fd, const folder& at, const char* name, int flags) noexcept;

/// A descriptor of `at` for the life of the object: its own, or one opened again if `at` could not keep its own.
class folder_handle {
 public:
  explicit folder_handle(const folder& at);
  ~folder_handle();
  folder_handle(const folder_handle&) = delete;
  folder_handle& operator=(const folder_handle&) = delete;
  [[nodiscard]] int fd() const noexcept { return fd_; }  ///< -1: see `error`
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  int fd_;
  int error_ = 0;
  bool is_own_ = false;
};

}  // namespace tool
