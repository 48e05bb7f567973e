#pragma once

#include "folder.hpp"
#include "integrity.hpp"
#include "unpack.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tool::install {

/// An unpacked package in the store.
struct stored_tree {
  handle folder;  ///< the package's root
  std::vector<member> members;
};

/// Unpacked packages by the digest of their tarballs, as the tarballs have them, whatever lock file first asked for
/// them. A tree is made aside and renamed, so it is there whole or not at all; what runs that were killed have left is
/// removed by the next. Several processes may work on one at a time. All calls from any thread; they wait for the disk.
/// They throw outage.
class store {
 public:
  /// Opens the store in `path`, and makes it if there is none. Trees of another umask are not its own.
  explicit store(const std::string& path);
  ~store();
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  /// Returns the tree of a tarball that one of the digests is of; none if there is none.
  [[nodiscard]] std::optional<stored_tree> find(const integrity& of) const;
  /// Unpacks a tarball whose digest is known to be right. Throws as `unpack` does; then nothing of it stays.
  [[nodiscard]] stored_tree add(const integrity& of, std::span<const std::byte> tarball, unpack_limits limits);

  /// Says whether its file system takes A and a for the same name.
  [[nodiscard]] bool ignores_case() const noexcept { return ignores_case_; }
  /// Returns this run's own folder on the store's file system, for files without a name.
  [[nodiscard]] int scratch() const noexcept { return scratch_.number(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  void sweep();

  std::string path_;
  handle root_;
  handle scratch_;            ///< this run's own folder; locked for as long as the run lives
  std::string scratch_name_;  ///< from the root
  std::atomic<unsigned> made_{0};
  bool ignores_case_ = false;
};

}  // namespace tool::install
