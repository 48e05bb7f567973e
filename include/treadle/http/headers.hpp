#pragma once

#include <treadle/config.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace treadle::http {

/// A line of a head.
struct header {
  std::string name, value;
};

/// The headers of a request or a response, in their order; the same name may come more than once, and names are the
/// same whatever their case. A value.
class TREADLE_EXPORT headers {
 public:
  headers() = default;
  headers(std::initializer_list<header> lines) : lines_(lines) {}

  /// Adds a line at the end.
  void add(std::string name, std::string value) { lines_.push_back({std::move(name), std::move(value)}); }
  /// Replaces all lines of this name by one at the end.
  void set(std::string name, std::string value);
  /// Takes all lines of this name out. Returns how many.
  std::size_t remove(std::string_view name);
  void clear() noexcept { lines_.clear(); }

  /// Returns the value of the first line of this name, null if there is none.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
  /// Returns the value of the first line of this name, else `otherwise`.
  [[nodiscard]] std::string_view value(std::string_view name, std::string_view otherwise = {}) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }
  [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
  [[nodiscard]] auto begin() const noexcept { return lines_.begin(); }
  [[nodiscard]] auto end() const noexcept { return lines_.end(); }

 private:
  std::vector<header> lines_;
};

}  // namespace treadle::http
