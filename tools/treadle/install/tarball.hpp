#pragma once

#include "folder.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tool::install {

/// How much memory tarballs may have together. Any thread; never waits.
class memory_budget {
 public:
  explicit memory_budget(std::size_t bytes) noexcept : left_(bytes) {}

  /// Returns whether there was as much left; then it is the caller's until it is given back.
  [[nodiscard]] bool take(std::uint64_t bytes) noexcept {
    std::size_t left = left_.load(std::memory_order_relaxed);
    do {
      if (bytes > left) return false;
    } while (!left_.compare_exchange_weak(left, left - bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(std::size_t bytes) noexcept { left_.fetch_add(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> left_;  ///< relaxed: a number that nothing else hangs on
};

/// A tarball that is gathered before it is unpacked: in memory as long as the budget has some, else in a file without a
/// name. Who comes late neither waits nor fails, so nobody can wait for one another. Used by one coroutine at a time.
class tarball {
 public:
  /// `scratch`: the folder for the file. It and the budget must outlive the tarball.
  tarball(memory_budget& budget, int scratch) noexcept : budget_(&budget), scratch_(scratch) {}
  tarball(tarball&& other) noexcept;
  tarball& operator=(tarball&&) = delete;
  tarball(const tarball&) = delete;
  tarball& operator=(const tarball&) = delete;
  ~tarball() { clear(); }

  /// Makes room for what is announced. Throws outage.
  void expect(std::uint64_t bytes);
  /// Adds bytes at the end. Throws outage.
  void add(std::span<const std::byte> bytes);
  /// Returns all bytes; valid until the tarball changes. Throws outage.
  [[nodiscard]] std::span<const std::byte> bytes();
  /// Drops all bytes, and gives the memory back.
  void clear() noexcept;

  [[nodiscard]] bool is_in_memory() const noexcept { return !file_; }

 private:
  [[nodiscard]] bool grow(std::uint64_t capacity);
  void move_to_file();
  void write(std::span<const std::byte> bytes);
  void unmap() noexcept;

  memory_budget* budget_;
  int scratch_;
  std::vector<std::byte> held_;
  std::size_t taken_ = 0;  ///< of the budget
  handle file_;
  std::size_t file_bytes_ = 0;
  void* mapped_ = nullptr;
};

}  // namespace tool::install
