#include <treadle/http/failure.hpp>

namespace treadle::http {

const char* name_of(phase at) noexcept {
  switch (at) {
    case phase::check:
      return "check";
    case phase::wait:
      return "wait";
    case phase::resolve:
      return "resolve";
    case phase::connect:
      return "connect";
    case phase::send:
      return "send";
    case phase::head:
      return "head";
    case phase::body:
      return "body";
  }
  return "unknown";
}

std::string failure::message() const {
  std::string made = host.empty() ? url : host;
  if (!made.empty()) made += ": ";
  made.append(name_of(at)).append(": ").append(why.message());
  if (!detail.empty()) made.append(" (").append(detail).append(")");
  if (attempts > 1) made.append(", attempt ").append(std::to_string(attempts));
  return made;
}

}  // namespace treadle::http
