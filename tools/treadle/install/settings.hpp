#pragma once

#include <map>
#include <string>
#include <string_view>

namespace tool::install {

/// npm's configuration, as far as installing needs it: the environment's `npm_config_*` before the project's `.npmrc`,
/// that before the user's, that before the whole machine's.
class settings {
 public:
  /// Reads it for the project in `folder`. Throws fault for a file that is there but cannot be read.
  [[nodiscard]] static settings read(const std::string& folder);

  /// Returns a value; empty if it is not set.
  [[nodiscard]] std::string get(const std::string& key) const;
  [[nodiscard]] bool is_on(const std::string& key) const { return get(key) == "true"; }

  /// Sets what counts before all else: what the command line says.
  void set(const std::string& key, std::string value) { values_[key] = std::move(value); }

  /// Returns the registry of a package, without a slash at the end: its scope's, or the one for all.
  [[nodiscard]] std::string registry_for(std::string_view name) const;
  /// Returns where a package's tarball is. `resolved`: what the lock file says, may be empty; npm's own registry, or
  /// what `replace-registry-host` names, stands for the one that is configured.
  [[nodiscard]] std::string tarball_url(std::string_view name, std::string_view version,
                                        std::string_view resolved) const;
  /// Returns the `Authorization` that belongs to a URL; empty if none does. One that is for a registry with https is
  /// not for the same host with http.
  [[nodiscard]] std::string authorization(std::string_view url) const;

  /// Reads `key = value` lines; `${NAME}` stands for the environment's. Values that are set stay.
  void add_file(std::string_view text);

 private:
  [[nodiscard]] bool is_registry_in_the_clear(std::string_view host) const;

  std::map<std::string, std::string> values_;
};

/// A URL cut into its parts; views into what was parsed.
struct url_parts {
  std::string_view scheme;  ///< without the colon
  std::string_view host;    ///< with the port
  std::string_view path;    ///< from the slash on
  /// Returns nothing useful for what is no http or https URL: then `scheme` is empty.
  [[nodiscard]] static url_parts of(std::string_view url);
};

/// Returns a URL as messages show it: without a name, a password and a query, which may be secret.
[[nodiscard]] std::string shown_url(std::string_view url);

}  // namespace tool::install
