#pragma once

#include <atomic>
#include <stop_token>
#include <utility>

namespace treadle {

/// A request to stop that lies where its user puts it, and is passed by reference. Allocates nothing.
/// A token made from a parent, which must outlive it, also sees the parent's request; one made from a std::stop_token
/// sees that one's. All members may be called from any thread, and none blocks.
class stop_token {
 public:
  stop_token() noexcept = default;
  explicit stop_token(const stop_token* parent) noexcept : parent_(parent) {}
  explicit stop_token(std::stop_token adapted) noexcept : adapted_(std::move(adapted)) {}
  stop_token(const stop_token&) = delete;
  stop_token& operator=(const stop_token&) = delete;

  /// Asks all who look at this token, or at one made from it, to stop. Returns whether this call was the first.
  bool request_stop() noexcept { return !requested_.exchange(true, std::memory_order_acq_rel); }  // E-STOP

  /// Says whether a stop was requested; what the requester did before is visible then.
  [[nodiscard]] bool stop_requested() const noexcept {
    for (const stop_token* each = this; each != nullptr; each = each->parent_) {
      if (each->requested_.load(std::memory_order_acquire)) return true;  // E-STOP
      if (each->adapted_.stop_requested()) return true;
    }
    return false;
  }

 private:
  std::atomic<bool> requested_{false};
  const stop_token* parent_ = nullptr;
  std::stop_token adapted_;
};

}  // namespace treadle
