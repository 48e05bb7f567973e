#pragma once

#include <treadle/config.hpp>
#include <treadle/io/directory_entry.hpp>
#include <treadle/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace treadle::io::detail {

/// An open directory, and a block of its entries: however many it has, no more than a block is in memory. All members
/// but `pop` may wait for the disk. One thread at a time.
class TREADLE_EXPORT directory_reader {
 public:
  directory_reader() noexcept = default;
  directory_reader(directory_reader&& other) noexcept
      : number_(std::exchange(other.number_, -1)),
        block_(std::move(other.block_)),
        next_(other.next_),
        end_(other.end_),
        is_over_(other.is_over_) {}
  directory_reader& operator=(directory_reader&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
      block_ = std::move(other.block_);
      next_ = other.next_;
      end_ = other.end_;
      is_over_ = other.is_over_;
    }
    return *this;
  }
  directory_reader(const directory_reader&) = delete;
  directory_reader& operator=(const directory_reader&) = delete;
  ~directory_reader() { close(); }

  /// Opens `name` in `within`; null: from the working directory. `follow`: also where `name` is a link to one.
  [[nodiscard]] static result<directory_reader> open(const directory_reader* within, const char* name,
                                                     bool follow) noexcept;

  /// Reads the next block. Only when `pop` has given all of the last one. After a failure there is no more.
  [[nodiscard]] result<void> fill();
  /// Says whether the end was read.
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  /// Takes the next entry of the block, but for the directory itself and the one above; its kind is unknown where the
  /// file system does not tell that by itself. None: all are taken.
  [[nodiscard]] std::optional<directory_entry> pop();
  /// Asks the file system what is at a name; `follow`: where the link leads to.
  [[nodiscard]] result<directory_entry::kind> kind_at(const char* name, bool follow) const noexcept;
  /// Says which directory it is, whatever its name.
  struct identity {
    std::uint64_t device = 0, inode = 0;
    friend bool operator==(const identity&, const identity&) noexcept = default;
  };
  [[nodiscard]] result<identity> which() const noexcept;

  [[nodiscard]] int number() const noexcept { return number_; }
  void close() noexcept;

 private:
  explicit directory_reader(int number) noexcept : number_(number) {}

  int number_ = -1;
  std::unique_ptr<std::byte[]> block_;
  std::size_t next_ = 0, end_ = 0;
  bool is_over_ = false;
};

}  // namespace treadle::io::detail
