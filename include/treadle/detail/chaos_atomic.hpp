#pragma once

#include <treadle/config.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// Yields or naps by chance. In the chaos build (TREADLE_CHAOS) every step of the policy goes through it, so that
/// threads meet where they seldom would.
TREADLE_EXPORT void chaos() noexcept;
/// One step in so many is disturbed; 0: none. The environment's TREADLE_CHAOS_ONE_IN and TREADLE_CHAOS_SEED set the
/// beginning.
TREADLE_EXPORT extern std::atomic<std::uint32_t> chaos_one_in;

/// An atomic that may lose its processor before each step.
template <class T>
struct chaos_atomic : std::atomic<T> {
  using base = std::atomic<T>;

  constexpr chaos_atomic() noexcept = default;
  constexpr chaos_atomic(T value) noexcept : base(value) {}

  T load(std::memory_order order) const noexcept {
    chaos();
    return base::load(order);
  }
  void store(T value, std::memory_order order) noexcept {
    chaos();
    base::store(value, order);
  }
  T exchange(T value, std::memory_order order) noexcept {
    chaos();
    return base::exchange(value, order);
  }
  template <class... Orders>
  bool compare_exchange_weak(T& expected, T value, Orders... orders) noexcept {
    chaos();
    return base::compare_exchange_weak(expected, value, orders...);
  }
  template <class... Orders>
  bool compare_exchange_strong(T& expected, T value, Orders... orders) noexcept {
    chaos();
    return base::compare_exchange_strong(expected, value, orders...);
  }
  T fetch_add(T value, std::memory_order order) noexcept {
    chaos();
    return base::fetch_add(value, order);
  }
  T fetch_sub(T value, std::memory_order order) noexcept {
    chaos();
    return base::fetch_sub(value, order);
  }
  T fetch_or(T value, std::memory_order order) noexcept {
    chaos();
    return base::fetch_or(value, order);
  }
  T fetch_and(T value, std::memory_order order) noexcept {
    chaos();
    return base::fetch_and(value, order);
  }
};

}  // namespace treadle::detail
