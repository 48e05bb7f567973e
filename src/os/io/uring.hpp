#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// io_uring, through liburing where the build has it; elsewhere every ring is refused with -ENOSYS. The calls that can
/// fail return a negated errno.
namespace treadle::detail::os {

/// A ring: its owner, one thread at a time, gives operations to the kernel; any thread may take their answers, one at a
/// time.
struct ring;

/// What rings are made like. Set by tests through TREADLE_TEST_RING; docs/design/io.md.
struct ring_shape {
  std::uint32_t submissions = 256;
  std::uint32_t answers = 4096;
  std::uint32_t buffers = 64;  ///< that the kernel may choose from, a power of two
  std::uint32_t buffer_bytes = 16'384;
  bool plain = false;  ///< without any flag, as on the oldest kernels
};

/// What is known of rings in this process, asked once.
struct ring_facts {
  int refused = 0;  ///< a negated errno: why there are none
  ring_shape shape;
  std::uint32_t flags = 0;  ///< that the kernel has accepted
  bool cancels = false;     ///< whether any thread can cancel what another has begun, without which sockets do without
  bool repeats = false;     ///< whether it knows operations that answer again and again, and buffers to choose from
};
[[nodiscard]] const ring_facts& facts_of_rings() noexcept;

enum class ring_call : std::uint8_t { read, write, sync, receive, send, accept, connect, receive_many, accept_many };

/// One operation, as the kernel is asked for it.
struct ring_request {
  ring_call what;
  int descriptor;
  void* at;  ///< the bytes; of `accept` and `connect`, a socket_address; of `..._many` nothing
  std::uint32_t bytes;
  std::uint64_t offset;
};

struct ring_answer {
  std::uint64_t key;
  std::int32_t result;
  bool more;            ///< another answer to the same operation will follow
  std::int32_t buffer;  ///< which one the kernel has chosen; -1: none
};

/// The key of what nobody waits for.
inline constexpr std::uint64_t no_key = 0;

[[nodiscard]] int open_ring(ring*& made) noexcept;
/// Nothing is under way. Any thread.
void close_ring(ring* over) noexcept;
[[nodiscard]] int number_of_ring(const ring& of) noexcept;
/// Returns how many operations may be under way such that their answers have room, whatever else has to be answered.
[[nodiscard]] std::uint32_t room_of_ring(const ring& of) noexcept;

/// The calling thread begins to own the ring, or ends that. Nothing is under way.
void own_ring(ring& own) noexcept;
void disown_ring(ring& own) noexcept;
/// Stages `request` for the next submission; its answer comes under `key`, of `..._many` any number and then a last
/// one. Returns false if there is no room: submit first. Staging and submitting: one thread at a time.
[[nodiscard]] bool stage_on_ring(ring& own, const ring_request& request, std::uint64_t key) noexcept;
/// Gives what is staged to the kernel. `by_owner`: by the number that its owner has registered. Returns how many it has
/// not taken: the latest, which become nothing.
[[nodiscard]] std::uint32_t submit_on_ring(ring& own, bool by_owner) noexcept;
/// How many requests may be staged at a time.
inline constexpr std::uint32_t most_staged = 16;

/// Makes the buffers from which `receive_many` has the kernel choose. Once a ring, one thread at a time.
[[nodiscard]] int open_ring_buffers(ring& own) noexcept;
[[nodiscard]] std::byte* ring_buffer(const ring& of, std::uint32_t which) noexcept;
/// The kernel may choose `which` again. One thread at a time.
void give_ring_buffer(ring& to, std::uint32_t which) noexcept;

/// Asks the kernel to end the operation under `key` soon, or with `no_key` all that it can; the answer comes as ever.
/// Any thread.
void cancel_on_ring(ring& on, std::uint64_t key) noexcept;

/// Says whether an answer may be there. Any thread.
[[nodiscard]] bool ring_has_answers(const ring& in) noexcept;
/// Takes what answers there are, as far as there is room, and returns how many. One thread at a time.
[[nodiscard]] std::size_t take_answers(ring& from, std::span<ring_answer> into) noexcept;

}  // namespace treadle::detail::os
