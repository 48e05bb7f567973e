#include "uring.hpp"

#include "../fault.hpp"
#include "socket.hpp"

#include <cerrno>

#if defined(TREADLE_LIBURING)
#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string_view>
#endif

namespace treadle::detail::os {

#if defined(TREADLE_LIBURING)

struct ring {
  io_uring own{};
  // The buffers to choose from, in one mapping behind the ring that says which are free.
  io_uring_buf_ring* free = nullptr;
  std::byte* buffers = nullptr;
  std::uint32_t staged = 0;  ///< since the last submission
  io_uring_sqe* entries[most_staged] = {};
};

namespace {

constexpr int buffer_group = 0;

/// The ring of the free ones has pages of its own: a child of fork() shares none of them.
std::size_t bytes_of_free_ring(const ring_shape& shape) noexcept {
  constexpr std::size_t page = 4096;
  return (shape.buffers * sizeof(io_uring_buf) + page - 1) / page * page;
}
std::size_t bytes_of_buffers(const ring_shape& shape) noexcept {
  return bytes_of_free_ring(shape) + std::size_t{shape.buffers} * shape.buffer_bytes;
}

// From 5.12 on: nothing is dropped, the memory is nobody's locked memory, and who helps the kernel is a thread of ours.
constexpr unsigned needed_features = IORING_FEAT_NODROP | IORING_FEAT_FAST_POLL | IORING_FEAT_NATIVE_WORKERS;

/// What `TREADLE_TEST_RING` asks for, words with commas between.
ring_shape wished_shape() noexcept {
  ring_shape shape;
  const char* const text = secure_getenv("TREADLE_TEST_RING");
  const std::string_view wish = text != nullptr ? text : "";
  shape.plain = wish.find("plain") != std::string_view::npos;
  if (wish.find("tiny") != std::string_view::npos) {
    shape.submissions = 2;
    shape.answers = 4;
    shape.buffers = 4;
    shape.buffer_bytes = 512;
  }
  return shape;
}

/// Makes a ring with as many of the flags as the kernel knows. Returns 0, and in `flags` which.
int set_up(io_uring& into, const ring_shape& shape, unsigned& flags) noexcept {
  // Without COOP_TASKRUN: what is ready interrupts an owner that computes, and others can have it (docs/adr/0009).
  unsigned wanted = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  if (!shape.plain) wanted |= IORING_SETUP_SUBMIT_ALL;
  for (;;) {
    io_uring_params asked{};
    asked.flags = wanted;
    asked.cq_entries = shape.answers;
    const int failed = fails(call::ring_setup) ? -errno : io_uring_queue_init_params(shape.submissions, &into, &asked);
    flags = wanted;
    if (failed != -EINVAL || (wanted & IORING_SETUP_SUBMIT_ALL) == 0) return failed;
    wanted &= ~static_cast<unsigned>(IORING_SETUP_SUBMIT_ALL);
  }
}

void tear_down(io_uring& over) noexcept {
  // It would take the number back under which its owner, a thread that has ended, had registered it, and from the
  // calling thread, which may own another ring by that number.
  over.int_flags = 0;
  io_uring_queue_exit(&over);
}

/// `repeats`: whether the kernel is new enough for operations that answer again and again, which came by 6.0; so did an
/// operation that can be asked for.
int knows_all(io_uring& asked, bool& repeats) noexcept {
  io_uring_probe* const known = fails(call::ring_register) ? nullptr : io_uring_get_probe_ring(&asked);
  if (known == nullptr) return -ENOTSUP;
  bool all = true;
  for (const int each : {IORING_OP_NOP, IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC, IORING_OP_ASYNC_CANCEL}) {
    all = all && io_uring_opcode_supported(known, each) != 0;
  }
  repeats = io_uring_opcode_supported(known, IORING_OP_SEND_ZC) != 0;
  io_uring_free_probe(known);
  return all ? 0 : -ENOTSUP;
}

/// A filter may let rings be made and refuse what they are for.
int answers_one(ring& asked) noexcept {
  io_uring_prep_nop(io_uring_get_sqe(&asked.own));
  const int submitted = fails(call::ring_enter) ? -errno : io_uring_submit(&asked.own);
  if (submitted < 0) return submitted;
  ring_answer got{};
  return take_answers(asked, {&got, 1}) == 1 ? 0 : -ENOTSUP;
}

/// Asks for the end of an operation; returns 0 or a negated errno, such as -ENOENT.
int cancel(const io_uring& on, std::uint64_t key) noexcept {
  io_uring_sync_cancel_reg wanted{};
  wanted.addr = key;
  wanted.fd = -1;
  wanted.flags = key == no_key ? IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL : 0;
  wanted.timeout.tv_nsec = 1'000'000;  // for one that is being carried out: it is told, and need not be waited for here
  for (;;) {
    // By the ring's own number: newer liburings would use the one that is its owner's alone.
    const bool fails_here = fails(call::ring_cancel);
    const long answer =
        fails_here ? -1 : syscall(SYS_io_uring_register, on.ring_fd, IORING_REGISTER_SYNC_CANCEL, &wanted, 1);
    if (answer >= 0) return 0;
    if (errno != EINTR) return -errno;
  }
}

ring_facts ask() noexcept {
  ring_facts found;
  found.shape = wished_shape();
  ring tried;
  found.refused = set_up(tried.own, found.shape, found.flags);
  if (found.refused != 0) return found;
  if ((tried.own.features & needed_features) != needed_features) found.refused = -ENOTSUP;
  if (found.refused == 0) found.refused = knows_all(tried.own, found.repeats);
  if (found.refused == 0) found.refused = answers_one(tried);
  found.cancels = found.refused == 0 && cancel(tried.own, UINT64_MAX) == -ENOENT;
  found.repeats = found.repeats && found.cancels && !found.shape.plain;
  tear_down(tried.own);
  return found;
}

void prepare(io_uring_sqe& entry, const ring_request& request) noexcept {
  switch (request.what) {
    case ring_call::read:
      io_uring_prep_read(&entry, request.descriptor, request.at, request.bytes, request.offset);
      break;
    case ring_call::write:
      io_uring_prep_write(&entry, request.descriptor, request.at, request.bytes, request.offset);
      break;
    case ring_call::sync:
      io_uring_prep_fsync(&entry, request.descriptor, 0);
      break;
    case ring_call::receive:
      io_uring_prep_recv(&entry, request.descriptor, request.at, request.bytes, 0);
      break;
    case ring_call::send:
      io_uring_prep_send(&entry, request.descriptor, request.at, request.bytes, MSG_NOSIGNAL);
      break;
    case ring_call::accept: {
      auto& peer = *static_cast<socket_address*>(request.at);
      peer.bytes = sizeof peer.room;
      io_uring_prep_accept(&entry, request.descriptor, reinterpret_cast<sockaddr*>(peer.room), &peer.bytes,
                           SOCK_CLOEXEC | SOCK_NONBLOCK);
      break;
    }
    case ring_call::receive_many:
      io_uring_prep_recv_multishot(&entry, request.descriptor, nullptr, 0, 0);
      io_uring_sqe_set_flags(&entry, IOSQE_BUFFER_SELECT);
      entry.buf_group = buffer_group;
      break;
    case ring_call::accept_many:
      io_uring_prep_multishot_accept(&entry, request.descriptor, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      break;
    case ring_call::connect: {
      auto& peer = *static_cast<socket_address*>(request.at);
      io_uring_prep_connect(&entry, request.descriptor, reinterpret_cast<sockaddr*>(peer.room), peer.bytes);
      break;
    }
  }
}

/// Gives all that is staged to the kernel. Returns 0 if it has taken it.
int submit(io_uring& own) noexcept {
  for (;;) {
    const int submitted = fails(call::ring_enter) ? -errno : io_uring_submit(&own);
    if (submitted >= 0 && io_uring_sq_ready(&own) == 0) return 0;
    if (submitted < 0 && submitted != -EINTR) return submitted;
    if (submitted == 0) return -EAGAIN;
  }
}

}  // namespace

const ring_facts& facts_of_rings() noexcept {
  static const ring_facts facts = ask();
  return facts;
}

int open_ring(ring*& made) noexcept {
  made = new (std::nothrow) ring;
  if (made == nullptr) return -ENOMEM;
  unsigned flags = 0;
  int failed = set_up(made->own, facts_of_rings().shape, flags);
  if (failed == 0) {
    // A child of fork() has no use for the memory, and would share it.
    failed = io_uring_ring_dontfork(&made->own);
    if (failed == 0) return 0;
    tear_down(made->own);
  }
  delete made;
  made = nullptr;
  return failed;
}

void close_ring(ring* over) noexcept {
  tear_down(over->own);
  if (over->free != nullptr) munmap(over->free, bytes_of_buffers(facts_of_rings().shape));
  delete over;
}

int number_of_ring(const ring& of) noexcept { return of.own.ring_fd; }

std::uint32_t room_of_ring(const ring& of) noexcept {
  return *of.own.cq.kring_entries - *of.own.sq.kring_entries;  // less one for each that may have become nothing
}

void own_ring(ring& own) noexcept {
  // From 5.18 on; it saves a look at the table of descriptors with each call, and nothing else.
  if (!fails(call::ring_register)) static_cast<void>(io_uring_register_ring_fd(&own.own));
}

void disown_ring(ring& own) noexcept {
  if (own.own.enter_ring_fd != own.own.ring_fd) static_cast<void>(io_uring_unregister_ring_fd(&own.own));
}

bool stage_on_ring(ring& own, const ring_request& request, std::uint64_t key) noexcept {
  io_uring_sqe* const entry = own.staged < most_staged ? io_uring_get_sqe(&own.own) : nullptr;
  if (entry == nullptr) return false;
  prepare(*entry, request);
  io_uring_sqe_set_data64(entry, key);
  own.entries[own.staged++] = entry;
  return true;
}

std::uint32_t submit_on_ring(ring& own, bool by_owner) noexcept {
  const int registered = own.own.enter_ring_fd;
  const auto flags = own.own.int_flags;
  if (!by_owner) {
    own.own.enter_ring_fd = own.own.ring_fd;
    own.own.int_flags = 0;
  }
  std::uint32_t refused = 0;
  if (submit(own.own) != 0) {
    refused = std::min(io_uring_sq_ready(&own.own), own.staged);
    // Staged they stay: they become nothing, which goes along with the next.
    for (std::uint32_t i = own.staged - refused; i < own.staged; ++i) {
      io_uring_prep_nop(own.entries[i]);
      io_uring_sqe_set_data64(own.entries[i], no_key);
    }
  }
  own.staged = 0;
  own.own.enter_ring_fd = registered;
  own.own.int_flags = flags;
  return refused;
}

int open_ring_buffers(ring& own) noexcept {
  const ring_shape& shape = facts_of_rings().shape;
  void* const made = fails(call::map) ? MAP_FAILED
                                      : mmap(nullptr, bytes_of_buffers(shape), PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (made == MAP_FAILED) return -errno;
  io_uring_buf_reg wanted{};
  wanted.ring_addr = reinterpret_cast<std::uintptr_t>(made);
  wanted.ring_entries = shape.buffers;
  wanted.bgid = buffer_group;
  int failed = madvise(made, bytes_of_free_ring(shape), MADV_DONTFORK) == 0 ? 0 : -errno;
  if (failed == 0) failed = fails(call::ring_register) ? -errno : io_uring_register_buf_ring(&own.own, &wanted, 0);
  if (failed != 0) {
    munmap(made, bytes_of_buffers(shape));
    return failed;
  }
  own.free = static_cast<io_uring_buf_ring*>(made);
  own.buffers = static_cast<std::byte*>(made) + bytes_of_free_ring(shape);
  io_uring_buf_ring_init(own.free);
  for (std::uint32_t i = 0; i < shape.buffers; ++i) give_ring_buffer(own, i);
  return 0;
}

std::byte* ring_buffer(const ring& of, std::uint32_t which) noexcept {
  return of.buffers + std::size_t{which} * facts_of_rings().shape.buffer_bytes;
}

void give_ring_buffer(ring& to, std::uint32_t which) noexcept {
  const ring_shape& shape = facts_of_rings().shape;
  io_uring_buf_ring_add(to.free, ring_buffer(to, which), shape.buffer_bytes, static_cast<unsigned short>(which),
                        io_uring_buf_ring_mask(shape.buffers), 0);
  io_uring_buf_ring_advance(to.free, 1);
}

void cancel_on_ring(ring& on, std::uint64_t key) noexcept { static_cast<void>(cancel(on.own, key)); }

bool ring_has_answers(const ring& in) noexcept {
  const unsigned taken = std::atomic_ref<unsigned>(*in.own.cq.khead).load(std::memory_order_relaxed);
  const unsigned made = std::atomic_ref<unsigned>(*in.own.cq.ktail).load(std::memory_order_relaxed);
  return made != taken || io_uring_cq_has_overflow(&in.own);
}

std::size_t take_answers(ring& from, std::span<ring_answer> into) noexcept {
  std::size_t count = 0;
  for (bool flushed = false;; flushed = true) {
    unsigned head = 0;
    unsigned taken = 0;
    io_uring_cqe* each = nullptr;
    io_uring_for_each_cqe(&from.own, head, each) {
      if (count == into.size()) break;
      const bool chosen = (each->flags & IORING_CQE_F_BUFFER) != 0;
      into[count++] = {each->user_data, each->res, (each->flags & IORING_CQE_F_MORE) != 0,
                       chosen ? static_cast<std::int32_t>(each->flags >> IORING_CQE_BUFFER_SHIFT) : -1};
      ++taken;
    }
    io_uring_cq_advance(&from.own, taken);
    if (count == into.size() || !io_uring_cq_has_overflow(&from.own) || (flushed && taken == 0)) return count;
    // What had no room waits in the kernel. By the ring's own number: the other one is its owner's alone.
    if (fails(call::ring_enter)) return count;
    if (io_uring_enter(static_cast<unsigned>(from.own.ring_fd), 0, 0, IORING_ENTER_GETEVENTS, nullptr) < 0) {
      return count;
    }
  }
}

#else

struct ring {};

const ring_facts& facts_of_rings() noexcept {
  static const ring_facts none{-ENOSYS, {}, 0, false, false};
  return none;
}

int open_ring(ring*& made) noexcept {
  made = nullptr;
  return -ENOSYS;
}

// No ring can be had, so none of these is ever called.
void close_ring(ring*) noexcept {}
int number_of_ring(const ring&) noexcept { return -1; }
std::uint32_t room_of_ring(const ring&) noexcept { return 0; }
void own_ring(ring&) noexcept {}
void disown_ring(ring&) noexcept {}
bool stage_on_ring(ring&, const ring_request&, std::uint64_t) noexcept { return false; }
std::uint32_t submit_on_ring(ring&, bool) noexcept { return 0; }
int open_ring_buffers(ring&) noexcept { return -ENOSYS; }
std::byte* ring_buffer(const ring&, std::uint32_t) noexcept { return nullptr; }
void give_ring_buffer(ring&, std::uint32_t) noexcept {}
void cancel_on_ring(ring&, std::uint64_t) noexcept {}
bool ring_has_answers(const ring&) noexcept { return false; }
std::size_t take_answers(ring&, std::span<ring_answer>) noexcept { return 0; }

#endif

}  // namespace treadle::detail::os
