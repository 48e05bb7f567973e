#pragma once

#include "../os/io/uring.hpp"

#include <treadle/batch.hpp>
#include <treadle/detail/brief_lock.hpp>
#include <treadle/detail/system_policy.hpp>

#include <cstdint>

namespace treadle::io::detail {

namespace os = treadle::detail::os;

class watched;
class worker_ring;

/// What the kernel brings for one descriptor again and again once it has been asked: bytes in buffers of its choice, or
/// connections. It belongs to the descriptor's place, where all that comes counts as an edge, and lasts until that is
/// given back and the kernel has answered for the last time. docs/design/io.md.
class feed {
 public:
  enum class kind : std::uint8_t { bytes, connections };
  /// `value`: how many bytes, 0 at their end; or the number of the connection.
  struct item {
    std::int32_t value = 0;
    std::int32_t buffer = -1;
  };
  /// `coming`: an edge will tell. `resting`: nothing comes unless it is started.
  enum class answer : std::uint8_t { taken, coming, resting };

  /// Returns what feeds `place`, made if it is the first time; null without memory.
  [[nodiscard]] static feed* of(watched& place, kind what) noexcept;

  /// Takes the oldest thing that has come. `resting`: `got.value` is the negated errno by which it came to rest, told
  /// once; 0 if it was not started yet, or was stopped because nobody took what came.
  [[nodiscard]] answer take(item& got) noexcept;
  /// Asks the kernel, through the ring of the calling worker; `most_ahead`: how much it may bring beyond what is taken.
  /// Returns false if it is resting still, or another thread is about to start it: then no edge need come by it.
  [[nodiscard]] bool start(int descriptor, std::uint32_t most_ahead) noexcept;
  /// Who has taken bytes has done with them.
  static void give_back(worker_ring& from, std::int32_t buffer) noexcept;
  [[nodiscard]] worker_ring& ring() const noexcept { return *on_; }

  /// The kernel has answered; in the order of its answers, under the ring's lock. Returns whether it is to be stopped.
  /// May be gone on return, after the last.
  [[nodiscard]] bool arrived(const os::ring_answer& from, batch& woken) noexcept;
  /// The place is given back. Gone on return, or after the kernel's last answer.
  void abandon() noexcept;

 private:
  feed(watched& place, kind what) noexcept : place_(place), what_(what) {}
  ~feed();

  void keep(const os::ring_answer& from) noexcept;
  void drop(item dropped) noexcept;
  [[nodiscard]] bool grow() noexcept;

  static constexpr std::uint32_t first_room = 4;

  watched& place_;
  worker_ring* on_ = nullptr;  ///< from which all that waits here came
  treadle::detail::brief_lock<treadle::detail::system_policy> lock_;
  const kind what_;
  // With the lock held.
  bool started_ = false, starting_ = false, stopping_ = false, abandoned_ = false, lost_some_ = false;
  std::int32_t why_ = 0;
  std::uint32_t most_ahead_ = 1;
  std::uint32_t room_ = first_room, first_ = 0, count_ = 0;
  item few_[first_room];
  item* items_ = few_;
};

}  // namespace treadle::io::detail
