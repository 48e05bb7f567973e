#pragma once

#include <treadle/config.hpp>
#include <treadle/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace treadle::io {

namespace detail {
struct address_access;
}

/// Where a socket listens or connects to: an IPv4 or IPv6 address with a port, or a path of a Unix socket. A value, of
/// 136 bytes; reading one from text allocates nothing. `resolve` knows names.
class TREADLE_EXPORT address {
 public:
  enum class family { ipv4, ipv6, local };

  /// Makes no address: what a peer without a name has.
  address() noexcept = default;

  /// Reads "127.0.0.1" or "::1". Returns `std::errc::invalid_argument` if `host` is neither.
  static result<address> ip(const char* host, std::uint16_t port) noexcept;
  /// Reads "127.0.0.1:80" or "[::1]:80".
  static result<address> parse(const char* text) noexcept;
  /// Makes one of a Unix socket; a leading '@' stands for the abstract namespace. Returns
  /// `std::errc::invalid_argument` if `path` is empty or longer than 107 bytes.
  static result<address> local(const char* path) noexcept;
  /// 127.0.0.1, and a port; 0: any that is free.
  static address loopback(std::uint16_t port) noexcept;

  [[nodiscard]] family kind() const noexcept;
  /// Returns the port; 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const noexcept;
  /// Returns what `parse` reads, or the path. Allocates.
  [[nodiscard]] std::string text() const;

 private:
  friend struct detail::address_access;

  alignas(8) unsigned char room_[128] = {};
  std::uint32_t bytes_ = 0;
};

}  // namespace treadle::io
