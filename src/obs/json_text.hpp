#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace treadle::obs {

/// Text on its way to be a JSON value: objects in arrays, written member by member.
class json_text {
 public:
  /// `{`, or `,{`.
  json_text& begin_object();
  json_text& end_object();
  /// A member that is an object itself; `end_object` ends it.
  json_text& begin_member(std::string_view name);
  json_text& member(std::string_view name, std::string_view text);
  json_text& member(std::string_view name, std::uint64_t number);
  /// A time, to the nanosecond.
  json_text& member_us(std::string_view name, double us);
  json_text& member(std::string_view name, bool truth);
  /// As it stands.
  json_text& raw(std::string_view text);
  [[nodiscard]] std::string take() noexcept { return std::move(text_); }

 private:
  void name(std::string_view name);
  void string(std::string_view text);

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace treadle::obs
