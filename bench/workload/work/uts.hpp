#pragma once

#include "../forking.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <span>

namespace bench {

/// SHA-1 (FIPS 180-4) of a message of less than 56 bytes, given as whole big-endian words. Unrolled by hand, for only
/// some compilers do it by themselves.
inline std::array<std::uint32_t, 5> sha1(std::span<const std::uint32_t> message) {
  std::array<std::uint32_t, 80> w{};
  for (std::size_t i = 0; i < message.size(); ++i) w[i] = message[i];
  w[message.size()] = 0x80000000u;
  w[15] = static_cast<std::uint32_t>(message.size() * 32);
  for (std::size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  const std::array<std::uint32_t, 5> start{0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
  std::uint32_t a = start[0], b = start[1], c = start[2], d = start[3], e = start[4];
  const auto step = [&](std::uint32_t mixed, std::uint32_t constant, std::size_t i) {
    const std::uint32_t next = std::rotl(a, 5) + mixed + e + constant + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  };
#pragma GCC unroll 20
  for (std::size_t i = 0; i < 20; ++i) step((b & c) | (~b & d), 0x5a827999u, i);
#pragma GCC unroll 20
  for (std::size_t i = 20; i < 40; ++i) step(b ^ c ^ d, 0x6ed9eba1u, i);
#pragma GCC unroll 20
  for (std::size_t i = 40; i < 60; ++i) step((b & c) | (b & d) | (c & d), 0x8f1bbcdcu, i);
#pragma GCC unroll 20
  for (std::size_t i = 60; i < 80; ++i) step(b ^ c ^ d, 0xca62c1d6u, i);
  return {start[0] + a, start[1] + b, start[2] + c, start[3] + d, start[4] + e};
}

/// Unbalanced tree search (Olivier et al., UTS: An Unbalanced Tree Search Benchmark, 2006): what a node's subtree looks
/// like is known only from the hash that it got from its parent. The trees T1 (geometric, depth 10, about 4 children a
/// node) and T3 (binomial, up to 1,572 deep), whose sizes are published.
struct uts {
  struct node {
    std::array<std::uint32_t, 5> state;
    unsigned depth;
  };

  explicit uts(const request& asked) : geometric(asked.number("tree", 1) == 1) {}

  [[nodiscard]] std::uint64_t units() const { return 1; }
  void prepare() {}

  static node child(const node& parent, std::uint64_t i) {
    const std::array<std::uint32_t, 5>& from = parent.state;
    return {sha1(std::array{from[0], from[1], from[2], from[3], from[4], static_cast<std::uint32_t>(i)}),
            parent.depth + 1};
  }

  [[nodiscard]] std::uint64_t children(const node& at) const {
    const double drawn = static_cast<double>(at.state[4] & 0x7fffffffu) / 2147483648.0;
    if (!geometric) return at.depth == 0 ? 2000 : drawn < 0.124875 ? 8 : 0;
    if (at.depth >= 10) return 0;
    // Four children are to be expected: p = 1 / (1 + 4).
    return std::min<std::uint64_t>(static_cast<std::uint64_t>(std::log(1 - drawn) / std::log(1 - 1.0 / 5)), 100);
  }

  template <class Fork>
  std::uint64_t visit(Fork here, const node& at) const {
    const std::uint64_t count = children(at);
    if (count == 0) return 1;
    return 1 + sum_over(here, 0, count, [&](Fork to, std::uint64_t i) { return visit(to, child(at, i)); });
  }

  template <class Fork>
  void run(Fork here) {
    found = visit(here, {sha1(std::array<std::uint32_t, 5>{0, 0, 0, 0, geometric ? 19u : 42u}), 0});
  }
  [[nodiscard]] bool right() const { return found == (geometric ? 4130071u : 4112897u); }

  bool geometric;
  std::uint64_t found = 0;
};

}  // namespace bench
