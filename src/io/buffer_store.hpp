#pragma once

#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/system_policy.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

namespace treadle::io::detail {

/// Buffers for those who receive without having one of their own: had from the moment at which there is something to
/// receive until that has been used, so a pool needs about as many as it has workers, however many sockets are silent.
class buffer_store {
 public:
  static constexpr std::size_t buffer_bytes = 16'384;

  buffer_store() noexcept = default;
  buffer_store(const buffer_store&) = delete;
  buffer_store& operator=(const buffer_store&) = delete;
  ~buffer_store() {
    while (unused* const each = free_) {
      free_ = each->next;
      ::operator delete(each);
    }
  }

  /// Returns null if there is no memory. Any thread.
  [[nodiscard]] std::byte* take() noexcept {
    {
      const treadle::detail::brief_guard exclusive(lock_);
      if (unused* const taken = free_) {
        free_ = taken->next;
        --kept_;
        return reinterpret_cast<std::byte*>(taken);
      }
    }
    return static_cast<std::byte*>(::operator new(buffer_bytes, std::nothrow));
  }
  void give(std::byte* over) noexcept {
    {
      const treadle::detail::brief_guard exclusive(lock_);
      if (kept_ < most_kept) {
        free_ = ::new (over) unused{free_};
        ++kept_;
        return;
      }
    }
    ::operator delete(over);
  }

 private:
  static constexpr std::uint32_t most_kept = 16;
  struct unused {
    unused* next;
  };

  treadle::detail::brief_lock<treadle::detail::system_policy> lock_;
  unused* free_ = nullptr;
  std::uint32_t kept_ = 0;
};

}  // namespace treadle::io::detail
