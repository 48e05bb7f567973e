#pragma once

#include <cstddef>

/// The calls on pipes and other streams of bytes that are no sockets. Those that can fail return a negated errno.
namespace treadle::detail::os {

/// Makes a pipe whose calls do not block.
[[nodiscard]] int make_pipe(int& reads, int& writes) noexcept;
/// Returns a descriptor of its own for what `descriptor` names. A pipe or a terminal is opened anew, so that it may be
/// made one whose calls do not block without those noticing who share the old one.
[[nodiscard]] int duplicate(int descriptor) noexcept;
[[nodiscard]] std::ptrdiff_t read_some(int descriptor, void* into, std::size_t bytes) noexcept;
/// No SIGPIPE comes of it: -EPIPE says that nobody reads.
[[nodiscard]] std::ptrdiff_t write_some(int descriptor, const void* from, std::size_t bytes) noexcept;

}  // namespace treadle::detail::os
