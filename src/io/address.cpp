#include "../os/io/socket.hpp"
#include "address_access.hpp"

#include <treadle/io/address.hpp>

#include <charconv>
#include <cstring>
#include <string>
#include <system_error>

namespace treadle::io {

namespace os = treadle::detail::os;

namespace {

constexpr std::size_t longest_text = 160;

}  // namespace

result<address> address::ip(const char* host, std::uint16_t port) noexcept {
  os::socket_address read;
  if (!os::make_address(os::family::ipv4, host, port, read) && !os::make_address(os::family::ipv6, host, port, read)) {
    return std::make_error_code(std::errc::invalid_argument);
  }
  return detail::address_access::make(read);
}

result<address> address::parse(const char* text) noexcept {
  const std::error_code bad = std::make_error_code(std::errc::invalid_argument);
  const char* const colon = std::strrchr(text, ':');
  if (colon == nullptr) return bad;
  const bool bracketed = text[0] == '[' && colon > text && colon[-1] == ']';
  const char* const first = bracketed ? text + 1 : text;
  const char* const last = bracketed ? colon - 1 : colon;
  char host[64] = {};
  if (last < first || static_cast<std::size_t>(last - first) >= sizeof host) return bad;
  std::memcpy(host, first, static_cast<std::size_t>(last - first));
  if (!bracketed && std::strchr(host, ':') != nullptr) return bad;
  std::uint16_t port = 0;
  const char* const end = colon + std::strlen(colon);
  const auto [stopped_at, error] = std::from_chars(colon + 1, end, port);
  if (error != std::errc{} || stopped_at != end) return bad;
  return ip(host, port);
}

result<address> address::local(const char* path) noexcept {
  os::socket_address read;
  if (!os::make_address(os::family::local, path, 0, read)) return std::make_error_code(std::errc::invalid_argument);
  return detail::address_access::make(read);
}

address address::loopback(std::uint16_t port) noexcept { return *ip("127.0.0.1", port); }

address::family address::kind() const noexcept {
  char text[longest_text];
  std::uint16_t port = 0;
  switch (os::read_address(detail::address_access::read(*this), text, port)) {
    case os::family::ipv4:
      return family::ipv4;
    case os::family::ipv6:
      return family::ipv6;
    case os::family::local:
      break;
  }
  return family::local;
}

std::uint16_t address::port() const noexcept {
  char text[longest_text];
  std::uint16_t port = 0;
  os::read_address(detail::address_access::read(*this), text, port);
  return port;
}

std::string address::text() const {
  char host[longest_text];
  std::uint16_t port = 0;
  const os::family kind = os::read_address(detail::address_access::read(*this), host, port);
  if (kind == os::family::local) return host;
  const std::string number = ":" + std::to_string(port);
  return kind == os::family::ipv6 ? "[" + std::string(host) + "]" + number : host + number;
}

}  // namespace treadle::io
