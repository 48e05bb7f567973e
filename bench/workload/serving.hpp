#pragma once

#include "contender.hpp"

#include <cstddef>
#include <cstdint>

/// What all servers have in common: the client is bench/load.
namespace bench {

/// Room for what comes in. Larger than any message, so a server can see that it has all.
inline constexpr std::size_t room_bytes = 8192;

/// Tells the client where to connect.
inline void announce(unsigned port) {
  std::printf("port %u\n", port);
  std::fflush(stdout);
}

/// A computation of 10 ms that now and then calls `give_way`.
template <class GiveWay>
void compute(GiveWay give_way) {
  for (int i = 0; i < 100; ++i) {
    spin_ns(100'000);
    give_way();
  }
}
inline void compute() {
  compute([] {});
}

/// Posts computations for ever: each worker of two gets one each 100 ms, either in turn or both at the same time.
template <class Post>
[[noreturn]] void feed(const request& asked, Post post) {
  const bool at_once = asked.text("mode", "staggered") == "at_once";
  const std::uint64_t period = at_once ? 100'000'000 : 50'000'000;
  for (std::uint64_t next = wall_ns();; next += period) {
    sleep_until_ns(next);
    post();
    if (at_once) post();
  }
}

}  // namespace bench
