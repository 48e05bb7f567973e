#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tool::install {

/// A dependency that an entry of the lock file names.
struct need {
  std::string name;
  bool is_optional = false;
};

/// One entry of `packages` in a lock file.
struct package {
  std::string path;  ///< from the project's root, as `node_modules/a/node_modules/@b/c`; of a workspace its folder
  std::string name;  ///< by which the registry knows it
  std::string version;
  std::string resolved;
  std::string integrity;
  std::vector<std::pair<std::string, std::string>> bins;  ///< command, and its file from the package's root
  std::vector<std::string> os, cpu, libc;
  std::vector<need> needs;
  bool is_installed_place = false;  ///< its path ends below a `node_modules`
  bool is_optional = false;
  bool is_dev = false;
  bool is_dev_optional = false;
  bool is_peer = false;
  bool is_bundled = false;
  bool is_link = false;  ///< `resolved` is the folder that it leads to
  bool has_install_script = false;
  std::string left_out;  ///< why it is not installed; empty: it is

  [[nodiscard]] bool is_wanted() const noexcept { return left_out.empty(); }
  /// Returns how messages call it: name@version.
  [[nodiscard]] std::string called() const;
};

/// What an npm lock file says, of version 2 or 3.
struct lock_file {
  std::string path;  ///< of the file
  std::string root;  ///< the project's folder
  std::vector<package> packages;
  nlohmann::ordered_json text;  ///< all of it

  /// Reads it. Every path in it stays below the project's root. Throws fault.
  [[nodiscard]] static lock_file read(const std::string& path);
  /// Returns what stands in a package's entry.
  [[nodiscard]] const nlohmann::ordered_json& entry(const package& of) const { return text.at("packages").at(of.path); }
};

/// Returns the folders whose `node_modules` are laid out: "" for the project, then its workspaces. The folder that a
/// `file:` link leads to is one only if the lock file has packages for it.
[[nodiscard]] std::vector<std::string> layout_roots(const lock_file& lock);

/// Returns the part of a path before its first `node_modules`, without a slash at its end.
[[nodiscard]] std::string_view layout_root(std::string_view path);

}  // namespace tool::install
