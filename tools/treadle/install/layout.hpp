#pragma once

#include "folder.hpp"
#include "lock_file.hpp"

#include <string>
#include <vector>

namespace tool::install {

/// The `node_modules` of a project and its workspaces, as they are made: each aside, in a folder beside the one that it
/// takes the place of in one step at the end. Whoever is killed leaves the old, the new or, while many are replaced,
/// some of each, all whole; and what lies aside is removed by the next run. One run at a time has the project.
class layout {
 public:
  /// The name of a `node_modules` that is being made.
  static constexpr const char* staging = ".treadle-node_modules";
  /// The name of an old one for the moment in which there is none, where the file system cannot exchange two.
  static constexpr const char* retired = ".treadle-old-node_modules";

  /// Takes the project, and removes what a killed run has left. Throws fault if another run has it, or if a workspace
  /// lies behind a symbolic link.
  explicit layout(const lock_file& lock);
  /// Removes what was laid out but did not take its place.
  ~layout();
  layout(const layout&) = delete;
  layout& operator=(const layout&) = delete;

  /// Makes the folder of a package and returns it. Any thread. Throws outage.
  [[nodiscard]] handle make_place(const package& of) const;
  /// Makes the link of a link entry. Throws outage.
  void make_link(const package& of) const;
  /// Says whether a package's folder is there and holds a package.json.
  [[nodiscard]] bool has(const package& of) const;
  /// Takes a package out again.
  void take_out(const package& of) const;
  /// Writes `node_modules/.package-lock.json`. `hides_resolved`: leaves the URLs of the registry's packages out.
  void write_hidden_lock(bool hides_resolved) const;
  /// Lets each new `node_modules` take its place, the project's own last, and removes the old ones. Throws outage.
  void commit();

 private:
  void check_way(const std::string& root) const;
  void clear_away(const std::string& root) const;
  static void swap_in(const std::string& folder);
  [[nodiscard]] std::string folder_of(const std::string& root) const;

  const lock_file& lock_;
  std::vector<std::string> roots_;
  handle project_;  ///< locked
};

}  // namespace tool::install
