#include "../os/os.hpp"

#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/sign_board.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <new>
#include <utility>

namespace treadle::detail {

namespace {

/// Chunk i has 64 << i signs, in pages of their own. Never freed: who looks may be late, and threads may outlast
/// every static.
constexpr std::size_t first_chunk = 64, most_chunks = 32;
/// How many unused signs a thread keeps; with more it gives half of them away.
constexpr std::size_t kept = 64;

constexpr std::size_t chunk_of(std::size_t index) noexcept {
  return static_cast<std::size_t>(std::bit_width(index / first_chunk + 1)) - 1;
}
constexpr std::size_t begin_of(std::size_t chunk) noexcept { return first_chunk * ((std::size_t{1} << chunk) - 1); }
static_assert(chunk_of(63) == 0 && chunk_of(64) == 1 && chunk_of(191) == 1 && chunk_of(192) == 2);
static_assert(begin_of(0) == 0 && begin_of(1) == 64 && begin_of(2) == 192);

/// The signs of all pools.
struct board {
  std::array<system_policy::atomic<wait_sign*>, most_chunks> chunks{};
  brief_lock<system_policy> lock;  ///< of what follows
  wait_sign* free = nullptr;
  std::size_t chunks_made = 0;

  /// Under the lock.
  bool grow() noexcept {
    if (chunks_made == most_chunks) return false;
    const std::size_t count = first_chunk << chunks_made;
    void* const pages = os::map_pages(count * sizeof(wait_sign));
    if (pages == nullptr) return false;
    auto* const made = static_cast<wait_sign*>(pages);
    for (std::size_t i = 0; i < count; ++i) {
      (new (made + i) wait_sign)->next_free = i + 1 < count ? made + i + 1 : free;
    }
    free = made;
    chunks[chunks_made++].store(made, std::memory_order_release);  // E-BOARD
    return true;
  }
};

constinit board all{};

/// One thread's unused signs.
class thread_signs {
 public:
  constexpr thread_signs() noexcept = default;
  ~thread_signs() {
    give_away(count_);
    ended_ = true;
  }
  thread_signs(const thread_signs&) = delete;
  thread_signs& operator=(const thread_signs&) = delete;

  wait_sign* take() noexcept {
    if (first_ == nullptr && !fetch()) return nullptr;
    --count_;
    return std::exchange(first_, first_->next_free);
  }
  void put(wait_sign& over) noexcept {
    over.take_down();
    over.next_free = std::exchange(first_, &over);
    ++count_;
    if (count_ > kept || ended_) give_away(ended_ ? count_ : kept / 2);
  }

 private:
  bool fetch() noexcept {
    const brief_guard exclusive(all.lock);
    for (; count_ < kept / 2; ++count_) {
      if (all.free == nullptr && !all.grow()) break;
      wait_sign* const taken = std::exchange(all.free, all.free->next_free);
      taken->next_free = std::exchange(first_, taken);
    }
    return first_ != nullptr;
  }
  void give_away(std::size_t number) noexcept {
    if (number == 0) return;
    const brief_guard exclusive(all.lock);
    for (; number != 0; --number, --count_) {
      wait_sign* const given = std::exchange(first_, first_->next_free);
      given->next_free = std::exchange(all.free, given);
    }
  }

  wait_sign* first_ = nullptr;
  std::size_t count_ = 0;
  bool ended_ = false;  ///< other thread-local destructors may still give signs back
};

constinit thread_local thread_signs own{};

}  // namespace

TREADLE_NEVER_INLINE wait_sign* take_sign() noexcept { return own.take(); }
TREADLE_NEVER_INLINE void give_sign(wait_sign& over) noexcept { own.put(over); }

const wait_sign* sign_at(std::size_t index) noexcept {
  const std::size_t chunk = chunk_of(index);
  if (chunk >= most_chunks) return nullptr;
  const wait_sign* const signs = all.chunks[chunk].load(std::memory_order_acquire);  // E-BOARD
  return signs != nullptr ? &signs[index - begin_of(chunk)] : nullptr;
}

}  // namespace treadle::detail
