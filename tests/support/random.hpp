#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>

namespace treadle::test {

/// The seed of this run: TREADLE_TEST_SEED replays one, else the clock makes a new one. Print it before use.
inline std::uint64_t run_seed() {
  if (const char* const text = std::getenv("TREADLE_TEST_SEED")) return std::strtoull(text, nullptr, 0);
  return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
}

/// Small and repeatable on every platform (splitmix64).
class random_source {
 public:
  explicit random_source(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t next() noexcept {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }
  /// A number below `bound`.
  std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
  bool one_in(std::uint64_t chances) noexcept { return below(chances) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace treadle::test
