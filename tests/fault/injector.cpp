#include "injector.hpp"

#if defined(TREADLE_FAULTS)

#include "../../src/os/fault.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

namespace treadle::test::injector {

namespace {

using detail::os::call;

const point* armed_point = nullptr;           // written while there is one thread
std::atomic<std::uint64_t> until_failure{0};  // 0: none
std::atomic<bool> goes_on{false}, fired{false};
std::atomic<std::int64_t> live{0};
constinit thread_local int exempt = 0;

bool fails_now(std::uint32_t asked) noexcept {
  std::uint64_t left = until_failure.load(std::memory_order_relaxed);
  if (exempt != 0 || armed_point == nullptr) return false;
  if (armed_point->missing == asked) {
    errno = ENOSYS;
    return true;
  }
  if (armed_point->call != asked) return false;
  do {
    if (left == 0) return false;
    if (left == 1 && goes_on.load(std::memory_order_relaxed)) break;
  } while (!until_failure.compare_exchange_weak(left, left - 1, std::memory_order_relaxed));
  if (left != 1) return false;
  fired.store(true, std::memory_order_relaxed);
  errno = armed_point->error;
  return true;
}

point of(const char* name, call asked, int error) {
  return {name, static_cast<std::uint32_t>(asked), error, error != EINTR || asked != call::read};
}
point of_io(const char* name, call asked, int error) {
  return {name, static_cast<std::uint32_t>(asked), error, true, true, true};
}
/// What the library lives with, and nobody hears of; some of it the kernel never says twice in a row.
point unheard(const char* name, call asked, int error, bool lasts) {
  return {name, static_cast<std::uint32_t>(asked), error, lasts, false, true};
}

std::vector<point> core_points() {
  return {
      of("thread_memory", call::thread_memory, ENOMEM),
      of("pthread_attr_init", call::attr_init, ENOMEM),
      of("pthread_attr_setstacksize", call::attr_setstacksize, EINVAL),
      of("pthread_create", call::pthread_create, EAGAIN),
      of("pthread_tryjoin", call::tryjoin, EBUSY),
      of("pthread_setname", call::setname, EPERM),
      of("pthread_atfork", call::atfork, ENOMEM),
      of("sysconf", call::sysconf, EINVAL),
      of("sched_getaffinity", call::sched_getaffinity, ENOSYS),
      of("sched_setaffinity", call::sched_setaffinity, EPERM),
      of("open", call::open, EMFILE),
      of("read", call::read, EIO),
      of("read_interrupted", call::read, EINTR),
      of("realloc", call::realloc, ENOMEM),
      of("membarrier_register", call::membarrier_register, ENOSYS),
      of("membarrier", call::membarrier, EPERM),
      {"mmap", static_cast<std::uint32_t>(call::map), ENOMEM, true, false},
      of("write", call::write, EIO),
      {"write_interrupted", static_cast<std::uint32_t>(call::write), EINTR, false, false},
      of("futex_wait", call::futex_wait, EINTR),
      of("futex_wake", call::futex_wake, 0),
      of("clock_nanosleep", call::sleep, EINTR),
      of("sched_yield", call::yield, ENOSYS),
  };
}

std::vector<point> socket_points() {
  return {
      of_io("epoll_create", call::epoll_create, EMFILE),
      of_io("eventfd", call::eventfd, EMFILE),
      of_io("epoll_ctl", call::epoll_ctl, ENOMEM),
      of_io("epoll_ctl_full", call::epoll_ctl, ENOSPC),
      unheard("epoll_wait_interrupted", call::epoll_wait, EINTR, false),
      unheard("epoll_pwait2_missing", call::epoll_pwait2, ENOSYS, true),
      unheard("epoll_pwait2_filtered", call::epoll_pwait2, EPERM, true),
      {"ppoll_interrupted", static_cast<std::uint32_t>(call::ppoll), EINTR, false, false, true,
       static_cast<std::uint32_t>(call::epoll_pwait2)},
      of_io("poll", call::poll, ENOMEM),
      unheard("poll_interrupted", call::poll, EINTR, false),
      unheard("eventfd_full", call::ring, EAGAIN, false),
      of_io("socket", call::socket, EMFILE),
      of_io("bind", call::bind, EADDRINUSE),
      of_io("listen", call::listen, EADDRINUSE),
      of_io("accept", call::accept, EMFILE),
      of_io("accept_nobufs", call::accept, ENOBUFS),
      unheard("accept_interrupted", call::accept, EINTR, false),
      unheard("accept_aborted", call::accept, ECONNABORTED, false),
      of_io("connect", call::connect, ECONNREFUSED),
      of_io("receive", call::receive, ECONNRESET),
      unheard("receive_interrupted", call::receive, EINTR, false),
      unheard("receive_short", call::receive_short, 0, true),
      of_io("send", call::send, EPIPE),
      of_io("send_nobufs", call::send, ENOBUFS),
      unheard("send_interrupted", call::send, EINTR, false),
      unheard("send_short", call::send_short, 0, true),
      of_io("shutdown", call::shutdown, ENOTCONN),
      of_io("getsockname", call::getsockname, ENOBUFS),
      of_io("getsockopt", call::getsockopt, ENOBUFS),
      of_io("setsockopt", call::setsockopt, EPERM),
      of_io("fcntl", call::fcntl, EBADF),
  };
}

/// Of pipes, names and files.
std::vector<point> file_points() {
  return {
      of_io("pipe2", call::pipe, EMFILE),
      of_io("pipe_read", call::pipe_read, EIO),
      unheard("pipe_read_interrupted", call::pipe_read, EINTR, false),
      of_io("pipe_write", call::pipe_write, EPIPE),
      unheard("pipe_write_interrupted", call::pipe_write, EINTR, false),
      of_io("duplicate", call::duplicate, EMFILE),
      of_io("getaddrinfo", call::look_up, EMFILE),
      of_io("open_file", call::open_file, EMFILE),
      of_io("read_file", call::read_file, EIO),
      unheard("read_file_interrupted", call::read_file, EINTR, false),
      of_io("write_file", call::write_file, ENOSPC),
      unheard("write_file_interrupted", call::write_file, EINTR, false),
      of_io("sync_file", call::sync_file, EIO),
      of_io("resize_file", call::resize_file, EFBIG),
      of_io("stat", call::stat, EACCES),
      of_io("rename", call::rename, EXDEV),
      of_io("unlink", call::unlink, EBUSY),
      of_io("mkdir", call::mkdir, ENOSPC),
      of_io("open_directory", call::open_directory, EMFILE),
      unheard("open_directory_interrupted", call::open_directory, EINTR, false),
      of_io("read_directory", call::read_directory, EIO),
      unheard("read_directory_interrupted", call::read_directory, EINTR, false),
      unheard("io_uring_setup", call::ring_setup, ENOMEM, true),
      unheard("io_uring_setup_filtered", call::ring_setup, EPERM, true),
      unheard("io_uring_setup_flags", call::ring_setup, EINVAL, true),
      unheard("io_uring_register", call::ring_register, EINVAL, true),
      unheard("io_uring_enter", call::ring_enter, EAGAIN, true),
      unheard("io_uring_enter_busy", call::ring_enter, EBUSY, true),
      unheard("io_uring_enter_filtered", call::ring_enter, EPERM, true),
      unheard("io_uring_cancel_interrupted", call::ring_cancel, EINTR, false),
      unheard("io_uring_enter_interrupted", call::ring_enter, EINTR, false),
  };
}

}  // namespace

const std::vector<point>& all_points() {
  static const std::vector<point> points = [] {
    std::vector<point> all = core_points();
    for (const auto& more : {socket_points(), file_points()}) all.insert(all.end(), more.begin(), more.end());
    all.push_back({"operator_new", allocation, ENOMEM});
    return all;
  }();
  return points;
}

void arm(const point& chosen, std::uint64_t k, bool and_on) noexcept {
  armed_point = &chosen;
  goes_on = and_on;
  fired = false;
  until_failure = k;
  detail::os::fault_hook = [](call asked) noexcept { return fails_now(static_cast<std::uint32_t>(asked)); };
}

void disarm() noexcept {
  until_failure = 0;
  detail::os::fault_hook = nullptr;
}

const point& armed() noexcept { return *armed_point; }
bool has_fired() noexcept { return fired; }

exemption::exemption() noexcept { ++exempt; }
exemption::~exemption() { --exempt; }

std::int64_t live_objects() noexcept { return live; }

namespace {

void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (fails_now(allocation)) return nullptr;
  void* const made = alignment == 0 ? std::malloc(bytes)
                                    : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (made != nullptr) live.fetch_add(1, std::memory_order_relaxed);
  return made;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  void* const made = allocate(bytes, alignment);
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

void release(void* freed) noexcept {
  if (freed != nullptr) live.fetch_sub(1, std::memory_order_relaxed);
  std::free(freed);
}

}  // namespace
}  // namespace treadle::test::injector

using namespace treadle::test::injector;

void* operator new(std::size_t bytes) { return allocate_or_throw(bytes, 0); }
void* operator new[](std::size_t bytes) { return allocate_or_throw(bytes, 0); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, 0); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate(bytes, 0); }
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* freed) noexcept { release(freed); }
void operator delete[](void* freed) noexcept { release(freed); }
void operator delete(void* freed, std::size_t) noexcept { release(freed); }
void operator delete[](void* freed, std::size_t) noexcept { release(freed); }
void operator delete(void* freed, std::align_val_t) noexcept { release(freed); }
void operator delete[](void* freed, std::align_val_t) noexcept { release(freed); }
void operator delete(void* freed, std::size_t, std::align_val_t) noexcept { release(freed); }
void operator delete[](void* freed, std::size_t, std::align_val_t) noexcept { release(freed); }

#endif
