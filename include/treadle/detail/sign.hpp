#pragma once

#include <atomic>
#include <cstdint>

namespace treadle::detail {

/// What somebody waits for.
enum class wait_kind : std::uint8_t {
  nothing,  ///< does not wait
  other,
  mutex,
  semaphore,
  latch,
  event,
  join,      ///< for a spawned coroutine
  scope,     ///< for the tasks of a scope
  channel,   ///< at one or several
  sleep,     ///< for a point in time
  readable,  ///< for a descriptor
  writable,
  branches,  ///< for those of when_all, when_any or with_timeout
  future,    ///< for a submitted task
  children,  ///< for the children of a scope
  graph,
  quiet,    ///< for a pool to run dry
  section,  ///< for whatever a `blocking` section calls
  file,     ///< for the disk
  fork,     ///< for a branch of a fork_join that another worker has stolen
  count
};

/// The kind of a thread's wait; else it is a coroutine that waits.
constexpr wait_kind of_thread(wait_kind kind) noexcept {
  return static_cast<wait_kind>(static_cast<std::uint8_t>(kind) | 0x80u);
}
constexpr bool is_of_thread(wait_kind kind) noexcept { return (static_cast<std::uint8_t>(kind) & 0x80u) != 0; }
constexpr wait_kind without_thread(wait_kind kind) noexcept {
  return static_cast<wait_kind>(static_cast<std::uint8_t>(kind) & 0x7fu);
}

/// What a sign says.
struct sign_text {
  wait_kind kind = wait_kind::nothing;
  const void* pool = nullptr;
  std::uint64_t site = 0;     ///< where the waiter was scheduled, or what it waits for: a `site_word`
  std::uint64_t detail = 0;   ///< a descriptor, an address, a point in time, a thread: as the kind says
  std::int64_t since_ns = 0;  ///< it has not waited for longer than since then
};

/// A sign that a waiter hangs out for as long as it waits, for those who look what is stuck: they read it whole, or see
/// that it changes, and hold nobody up. One writer at a time, which is who owns the waiter; any number of readers, at
/// any time, for signs are never freed. A sequence lock whose readers do not wait: after Boehm, "Can Seqlocks Get Along
/// With Programming Language Memory Models?" (2012), with orders on the words instead of fences.
template <class P>
class sign {
 public:
  constexpr sign() noexcept = default;
  sign(const sign&) = delete;
  sign& operator=(const sign&) = delete;

  // The owner, while the sign says nothing. Who reads one of these words sees that the sign was taken down before.

  /// Says whose it is, until somebody says something else.
  void name(const void* pool, std::uint64_t site) noexcept {
    pool_.store(pool, std::memory_order_release);  // E-SIGN
    site_.store(site, std::memory_order_release);  // E-SIGN
  }
  void hang(wait_kind kind, std::uint64_t detail, std::int64_t since_ns) noexcept {
    detail_.store(detail, std::memory_order_release);      // E-SIGN
    since_ns_.store(since_ns, std::memory_order_release);  // E-SIGN
    const std::uint64_t next = (head_.load(std::memory_order_relaxed) & ~kind_mask) + one_version;
    head_.store(next | static_cast<std::uint64_t>(kind), std::memory_order_release);  // E-SIGN
  }

  /// The owner. Relaxed: the next words that are written show it.
  void take_down() noexcept {
    head_.store(head_.load(std::memory_order_relaxed) & ~kind_mask, std::memory_order_relaxed);
  }

  /// Returns what the sign says; nothing, too, while it is being changed. Any thread, a signal handler too; never
  /// waits.
  [[nodiscard]] sign_text read() const noexcept {
    const std::uint64_t before = head_.load(std::memory_order_acquire);  // E-SIGN
    sign_text text;
    if ((before & kind_mask) == 0) return text;
    text.pool = pool_.load(std::memory_order_acquire);          // E-SIGN
    text.site = site_.load(std::memory_order_acquire);          // E-SIGN
    text.detail = detail_.load(std::memory_order_acquire);      // E-SIGN
    text.since_ns = since_ns_.load(std::memory_order_acquire);  // E-SIGN
    if (head_.load(std::memory_order_relaxed) != before) return {};
    text.kind = static_cast<wait_kind>(before & kind_mask);
    return text;
  }

  sign* next_free = nullptr;  ///< whoever has it, and nobody uses it

 private:
  /// The kind below, above it how often the sign was hung out.
  static constexpr std::uint64_t kind_mask = 0xff, one_version = 0x100;

  typename P::template atomic<std::uint64_t> head_{0};
  typename P::template atomic<const void*> pool_{nullptr};
  typename P::template atomic<std::uint64_t> site_{0};
  typename P::template atomic<std::uint64_t> detail_{0};
  typename P::template atomic<std::int64_t> since_ns_{0};
};

}  // namespace treadle::detail
