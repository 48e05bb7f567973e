#pragma once

/// The sockets that libcurl is given. Those that can fail return a negated errno.
namespace treadle::detail::os {

/// Returns a new socket whose calls do not block.
[[nodiscard]] int make_client_socket(int family, int kind, int protocol) noexcept;
/// Returns another descriptor of what `socket` is.
[[nodiscard]] int duplicate_socket(int socket) noexcept;
void close_client_socket(int socket) noexcept;

}  // namespace treadle::detail::os
