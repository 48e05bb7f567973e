#pragma once

#include "engine.hpp"
#include "site.hpp"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace mc {

template <class T>
std::uint64_t to_bits(const T& value) noexcept {
  static_assert(sizeof(T) <= sizeof(std::uint64_t) && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T from_bits(std::uint64_t bits) noexcept {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Stands for std::atomic<T>. Constant expressions make it, too, but only those made in an execution may be used.
template <class T>
class atomic {
 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  constexpr atomic() noexcept : atomic(T{}) {}
  constexpr atomic(T value, site where = site::current()) noexcept {
    if (!std::is_constant_evaluated()) engine_make(value, where);
  }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;
  constexpr ~atomic() {
    if (!std::is_constant_evaluated() && engine::active != nullptr) engine::active->end_atomic(id_, this);
  }

  T load(std::memory_order order = std::memory_order_seq_cst, site where = site::current()) const noexcept {
    return from_bits<T>(engine::active->load(id_, this, order, where));
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst, site where = site::current()) noexcept {
    engine::active->store(id_, this, to_bits(value), order, where);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst, site where = site::current()) noexcept {
    return update(modify::exchange, value, order, where);
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst, site where = site::current()) noexcept {
    return update(modify::add, value, order, where);
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst, site where = site::current()) noexcept {
    return update(modify::subtract, value, order, where);
  }
  T fetch_or(T value, std::memory_order order = std::memory_order_seq_cst, site where = site::current()) noexcept {
    return update(modify::bit_or, value, order, where);
  }
  T fetch_and(T value, std::memory_order order = std::memory_order_seq_cst, site where = site::current()) noexcept {
    return update(modify::bit_and, value, order, where);
  }
  T fetch_xor(T value, std::memory_order order = std::memory_order_seq_cst, site where = site::current()) noexcept {
    return update(modify::bit_xor, value, order, where);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure,
                               site where = site::current()) noexcept {
    return compare(expected, desired, success, failure, false, where);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure,
                             site where = site::current()) noexcept {
    return compare(expected, desired, success, failure, true, where);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst,
                               site where = site::current()) noexcept {
    return compare(expected, desired, order, of_failure(order), false, where);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst,
                             site where = site::current()) noexcept {
    return compare(expected, desired, order, of_failure(order), true, where);
  }

  /// For the checks of a model: the newest value, read by nobody.
  [[nodiscard]] T peek() const noexcept { return from_bits<T>(engine::active->newest(id_, this)); }
  [[nodiscard]] std::uint32_t model_id() const noexcept { return id_; }

 private:
  void engine_make(T value, site where) noexcept {
    if (engine::active != nullptr) engine::active->make_atomic(id_, this, to_bits(value), sizeof(T), where);
  }
  T update(modify how, T value, std::memory_order order, site where) noexcept {
    constexpr std::uint64_t mask = ~std::uint64_t{0} >> (64 - 8 * sizeof(T));
    return from_bits<T>(engine::active->update(id_, this, how, to_bits(value), mask, order, where));
  }
  bool compare(T& expected, T desired, std::memory_order success, std::memory_order failure, bool weak,
               site where) noexcept {
    std::uint64_t bits = to_bits(expected);
    const bool done =
        engine::active->compare_exchange(id_, this, bits, to_bits(desired), success, failure, weak, where);
    if (!done) expected = from_bits<T>(bits);
    return done;
  }
  static constexpr std::memory_order of_failure(std::memory_order order) noexcept {
    if (order == std::memory_order_acq_rel) return std::memory_order_acquire;
    return order == std::memory_order_release ? std::memory_order_relaxed : order;
  }

  alignas(T) std::uint32_t id_ = ~0U;
};

/// A cell that is not atomic: two accesses, one of them a write, that nothing orders are a failure.
template <class T>
class plain {
 public:
  constexpr plain() noexcept : plain(T{}) {}
  constexpr explicit plain(T value, site where = site::current()) noexcept : value_(value) {
    if (!std::is_constant_evaluated()) engine_make(where);
  }
  plain(const plain&) = delete;
  plain& operator=(const plain&) = delete;
  constexpr ~plain() {
    if (!std::is_constant_evaluated() && engine::active != nullptr) engine::active->end_plain(id_, this);
  }
  constexpr T get(site where = site::current()) const noexcept {
    if (!std::is_constant_evaluated()) engine::active->read_plain(id_, this, where);
    return value_;
  }
  constexpr void set(T value, site where = site::current()) noexcept {
    if (!std::is_constant_evaluated()) engine::active->write_plain(id_, this, where);
    value_ = value;
  }
  /// For the checks of a model: read by nobody.
  [[nodiscard]] T peek() const noexcept { return value_; }

 private:
  void engine_make(site where) noexcept {
    if (engine::active != nullptr) engine::active->make_plain(id_, this, where);
  }

  T value_;
  alignas(T) std::uint32_t id_ = ~0U;
};

inline void atomic_thread_fence(std::memory_order order, site where = site::current()) noexcept {
  engine::active->fence(order, where);
}

/// What the kernels run on in a model: the interface of treadle's system policy on a simulated machine.
struct model_policy {
  template <class T>
  using atomic = mc::atomic<T>;
  template <class T>
  using plain = mc::plain<T>;

  using ring_index = std::uint64_t;
  static constexpr ring_index ring_index_mask = INT64_MAX;
  static constexpr std::uint32_t ring_capacity = 4;
  static constexpr ring_index lease_capacity = 3;
  static constexpr ring_index least_lease = 2;
  static constexpr std::uint32_t injected_chunk = 2;
  static constexpr std::uint32_t steal_attempts = 2;
  static constexpr std::uint32_t join_rounds = 1;
  static constexpr std::uint32_t ripening_rounds = 1;
  static constexpr std::uint32_t lookout_patience = 1;
  static constexpr std::uint32_t brief_rounds = 1;

  static constexpr bool seed_defect(int) noexcept { return false; }

  static void store_load_barrier(atomic<std::uint64_t>&, site where = site::current()) noexcept {
    engine::active->fence(std::memory_order_seq_cst, where);
  }
  static void light_barrier(site where = site::current()) noexcept { engine::active->light_barrier(where); }
  static bool heavy_barrier(site where = site::current()) noexcept { return engine::active->heavy_barrier(where); }
  static bool has_asymmetric_barriers() noexcept { return engine::active->has_heavy_barrier(); }
  static bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, std::int64_t deadline_ns,
                         site where = site::current()) noexcept {
    return engine::active->futex_wait(word.model_id(), &word, expected, deadline_ns, where);
  }
  static void futex_wake(const atomic<std::uint32_t>* word, std::uint32_t count,
                         site where = site::current()) noexcept {
    engine::active->futex_wake(word, count, where);
  }
  static std::int64_t now_ns() noexcept { return engine::active->now_ns(); }
  static void pause(site where = site::current()) noexcept { engine::active->yield(0, "pause", where); }
  static void yield(site where = site::current()) noexcept { engine::active->yield(0, "yield", where); }
  static void sleep(std::int64_t ns, site where = site::current()) noexcept {
    engine::active->yield(ns, "sleep", where);
  }
};

/// A policy with one faulty step of the seed restored.
template <int N, class Base = model_policy>
struct with_defect : Base {
  static constexpr bool seed_defect(int number) noexcept { return number == N; }
};

}  // namespace mc
