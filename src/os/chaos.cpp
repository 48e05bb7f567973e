#include <treadle/config.hpp>

#if defined(TREADLE_CHAOS)

#include <treadle/detail/chaos_atomic.hpp>

#include <sched.h>
#include <time.h>

#include <cstdlib>

namespace treadle::detail {

namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) noexcept {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

std::uint64_t first_state() noexcept {
  static std::atomic<std::uint64_t> threads{0};
  static const std::uint64_t seed = number_from("TREADLE_CHAOS_SEED", 1);
  return (seed + threads.fetch_add(1, std::memory_order_relaxed)) * 0x9e3779b97f4a7c15u + 1;
}

std::uint64_t next_random() noexcept {
  static thread_local std::uint64_t state = first_state();
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state >> 11;
}

}  // namespace

std::atomic<std::uint32_t> chaos_one_in{static_cast<std::uint32_t>(number_from("TREADLE_CHAOS_ONE_IN", 200))};

void chaos() noexcept {
  const std::uint32_t one_in = chaos_one_in.load(std::memory_order_relaxed);
  if (one_in == 0) return;
  const std::uint64_t drawn = next_random();
  if (drawn % one_in != 0) return;
  if (drawn / one_in % 16 != 0) {
    sched_yield();
    return;
  }
  const timespec nap{0, static_cast<long>(1'000 + drawn / one_in / 16 % 100'000)};
  nanosleep(&nap, nullptr);
}

}  // namespace treadle::detail

#endif
