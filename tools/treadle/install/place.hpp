#pragma once

#include "store.hpp"

#include <atomic>
#include <span>
#include <string>

namespace tool::install {

/// How files come from the store into node_modules.
enum class link_way { reflink, hardlink, copy };

/// Puts packages from the store into their places. When the file system cannot do it the asked way it goes on with the
/// next: reflinks, hard links, copies. Any thread; waits for the disk.
class placer {
 public:
  explicit placer(link_way asked) noexcept : way_(asked) {}

  /// Fills the directory `into` with a package. What has the name of one of its files is replaced. `commands`: the
  /// files that the present lock file calls commands: these are executable, and without a carriage return behind their
  /// first line; what is not so in the store becomes a file of its own here. Throws outage.
  void place(const stored_tree& from, int into, std::span<const std::string> commands);

  /// Returns how the last files came.
  [[nodiscard]] link_way way() const noexcept { return way_.load(std::memory_order_relaxed); }

 private:
  void place_file(int from, int into, const member& file, bool is_own);
  void place_command(int from, int into, const member& file);

  std::atomic<link_way> way_;  ///< relaxed: who reads an old one finds out anew
};

[[nodiscard]] const char* name_of(link_way way) noexcept;

}  // namespace tool::install
