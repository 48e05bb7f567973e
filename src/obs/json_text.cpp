#include "json_text.hpp"

#include <charconv>

namespace treadle::obs {

json_text& json_text::begin_object() {
  if (needs_comma_) text_ += ",\n";
  text_ += '{';
  needs_comma_ = false;
  return *this;
}

json_text& json_text::end_object() {
  text_ += '}';
  needs_comma_ = true;
  return *this;
}

json_text& json_text::begin_member(std::string_view name) {
  this->name(name);
  text_ += '{';
  needs_comma_ = false;
  return *this;
}

json_text& json_text::member(std::string_view name, std::string_view text) {
  this->name(name);
  string(text);
  return *this;
}

json_text& json_text::member(std::string_view name, std::uint64_t number) {
  this->name(name);
  char digits[24];
  text_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  return *this;
}

json_text& json_text::member_us(std::string_view name, double us) {
  this->name(name);
  char digits[48];
  text_.append(digits, std::to_chars(digits, digits + sizeof digits, us < 0 ? 0 : us, std::chars_format::fixed, 3).ptr);
  return *this;
}

json_text& json_text::member(std::string_view name, bool truth) {
  this->name(name);
  text_ += truth ? "true" : "false";
  return *this;
}

json_text& json_text::raw(std::string_view text) {
  text_ += text;
  needs_comma_ = false;
  return *this;
}

void json_text::name(std::string_view name) {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
  string(name);
  text_ += ':';
}

void json_text::string(std::string_view text) {
  text_ += '"';
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (each == '"' || each == '\\') {
      text_ += '\\';
      text_ += each;
    } else if (byte < 0x20 || byte >= 0x7f) {
      text_ += '?';  // a name of the program's source; what is not ASCII may be cut in the middle, and is not shown
    } else {
      text_ += each;
    }
  }
  text_ += '"';
}

}  // namespace treadle::obs
