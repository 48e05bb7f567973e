#include <treadle/coro/detail/frame_cache.hpp>
#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/system_policy.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define TREADLE_POISONS_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TREADLE_POISONS_FRAMES 1
#endif
#endif
#if defined(TREADLE_POISONS_FRAMES)
#include <sanitizer/asan_interface.h>
#endif

namespace treadle::coro::detail {

namespace {

using treadle::detail::brief_guard;
using treadle::detail::brief_lock;
using treadle::detail::system_policy;

/// Sizes are rounded up to a power of two or to one and a half of one: at most a third is wasted.
constexpr std::size_t smallest_bytes = 64, largest_bytes = 16'384;
constexpr std::size_t class_count = 17;
/// How many freed frames of a size a thread keeps, in two stacks: it gives away or gets a whole stack at a time.
constexpr std::size_t stack_limit = 32;
/// How many stacks of a size all threads together leave for others. What is more goes back to the heap.
constexpr std::size_t shared_limit = 1'024;
#if defined(TREADLE_FAULTS)
constexpr bool keeps_frames = false;  // each is an allocation that can be made to fail, and whose loss shows
#else
constexpr bool keeps_frames = true;
#endif

/// What a freed frame holds. `below` is another stack, in the first frame of each shared one.
struct free_frame_link {
  free_frame_link* next;
  free_frame_link* below;
};

struct stack {
  free_frame_link* first = nullptr;
  std::size_t count = 0;
};

constexpr std::size_t class_of(std::size_t bytes) noexcept {
  if (bytes <= smallest_bytes) return 0;
  const auto log = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // 2^log < bytes <= 2^(log + 1)
  const bool fits_half = bytes <= (std::size_t{3} << (log - 1));
  return 2 * (log - 6) + (fits_half ? 1 : 2);
}
constexpr std::size_t bytes_of(std::size_t size_class) noexcept {
  const std::size_t power = smallest_bytes << (size_class / 2);
  return size_class % 2 == 0 ? power : power + power / 2;
}
static_assert(class_of(64) == 0 && class_of(65) == 1 && class_of(96) == 1 && class_of(97) == 2 && class_of(128) == 2);
static_assert(class_of(largest_bytes) == class_count - 1 && bytes_of(class_count - 1) == largest_bytes);
static_assert(bytes_of(class_of(200)) == 256 && bytes_of(class_of(180)) == 192);

void poison([[maybe_unused]] void* frame, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(TREADLE_POISONS_FRAMES)
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(frame) + sizeof(free_frame_link), bytes - sizeof(free_frame_link));
#endif
}
void unpoison([[maybe_unused]] void* frame, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(TREADLE_POISONS_FRAMES)
  ASAN_UNPOISON_MEMORY_REGION(frame, bytes);
#endif
}

/// Stacks of one size that their threads had no use for. Never freed as a whole: threads may outlast every static.
struct alignas(TREADLE_CACHE_LINE) shared_stacks {
  brief_lock<system_policy> lock;
  free_frame_link* top = nullptr;
  std::size_t count = 0;

  /// Returns false if there are enough already.
  bool put(free_frame_link* full) noexcept {
    const brief_guard guard(lock);
    if (count == shared_limit) return false;
    full->below = top;
    top = full;
    ++count;
    return true;
  }
  free_frame_link* take() noexcept {
    const brief_guard guard(lock);
    free_frame_link* const full = top;
    if (full == nullptr) return nullptr;
    top = full->below;
    --count;
    return full;
  }
};

constinit std::array<shared_stacks, class_count> shared{};

void give_away(free_frame_link* full, std::size_t size_class) noexcept {
  if (full == nullptr || shared[size_class].put(full)) return;
  while (full != nullptr) {
    void* const frame = std::exchange(full, full->next);
    unpoison(frame, bytes_of(size_class));
    ::operator delete(frame);
  }
}

/// One thread's freed frames of one size. `spare` is empty or full, so that a thread that goes to and fro across the
/// edge of a stack asks for the shared ones only once in `stack_limit` frames.
struct own_stacks {
  stack open;
  free_frame_link* spare = nullptr;
};

class thread_store {
 public:
  constexpr thread_store() noexcept = default;
  ~thread_store() {
    for (std::size_t i = 0; i < class_count; ++i) {
      give_away(std::exchange(own_[i].open, {}).first, i);
      give_away(std::exchange(own_[i].spare, nullptr), i);
    }
    ended_ = true;
  }
  thread_store(const thread_store&) = delete;
  thread_store& operator=(const thread_store&) = delete;

  [[nodiscard]] void* take(std::size_t size_class) noexcept {
    own_stacks& own = own_[size_class];
    if (own.open.first == nullptr) {
      free_frame_link* full = std::exchange(own.spare, nullptr);
      if (full == nullptr) full = shared[size_class].take();
      if (full == nullptr) return nullptr;
      own.open = {full, stack_limit};
    }
    free_frame_link* const taken = own.open.first;
    own.open.first = taken->next;
    if (own.open.count != 0) --own.open.count;
    return taken;
  }

  void put(void* frame, std::size_t size_class) noexcept {
    own_stacks& own = own_[size_class];
    if (own.open.count >= stack_limit) {
      give_away(std::exchange(own.spare, own.open.first), size_class);
      own.open = {};
    }
    own.open.first = new (frame) free_frame_link{own.open.first, nullptr};
    ++own.open.count;
    if (ended_) give_away(std::exchange(own.open, {}).first, size_class);
  }

 private:
  std::array<own_stacks, class_count> own_{};
  bool ended_ = false;  ///< other thread-local destructors may still free frames
};

constinit thread_local thread_store store{};

}  // namespace

TREADLE_NEVER_INLINE void* allocate_frame(std::size_t bytes) {
  if (!keeps_frames || bytes > largest_bytes) return ::operator new(bytes);
  const std::size_t size_class = class_of(bytes);
  void* const kept = store.take(size_class);
  if (kept == nullptr) return ::operator new(bytes_of(size_class));
  unpoison(kept, bytes_of(size_class));
  return kept;
}

TREADLE_NEVER_INLINE void free_frame(void* frame, std::size_t bytes) noexcept {
  if (!keeps_frames || bytes > largest_bytes) {
    ::operator delete(frame);
    return;
  }
  const std::size_t size_class = class_of(bytes);
  store.put(frame, size_class);
  poison(frame, bytes_of(size_class));
}

}  // namespace treadle::coro::detail
