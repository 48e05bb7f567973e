#include "epoll.hpp"

#include "../fault.hpp"

#include <treadle/assert.hpp>
#include <treadle/detail/system_policy.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

#if defined(__GLIBC_PREREQ)
#define TREADLE_HAS_EPOLL_PWAIT2 __GLIBC_PREREQ(2, 35)
#else
#define TREADLE_HAS_EPOLL_PWAIT2 0
#endif

namespace treadle::detail::os {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// Returns how many events there are after a sleep until `deadline_ns`; negative if that was cut short.
int collect(int epoll, epoll_event* events, int room, std::int64_t deadline_ns) noexcept {
  if (deadline_ns == no_deadline) return epoll_wait(epoll, events, room, -1);
  const std::int64_t left = deadline_ns == INT64_MIN ? 0 : deadline_ns - monotonic_ns();
  if (left <= 0) return epoll_wait(epoll, events, room, 0);
  const timespec sleep{static_cast<time_t>(left / second_ns), static_cast<long>(left % second_ns)};
#if TREADLE_HAS_EPOLL_PWAIT2
  const int found = fails(call::epoll_pwait2) ? -1 : epoll_pwait2(epoll, events, room, &sleep, nullptr);
  // Filters of containers that do not know the call answer EPERM for it.
  if (found >= 0 || (errno != ENOSYS && errno != EPERM)) return found;
#endif
  // epoll_wait counts in milliseconds. Here each event wakes all who sleep with a deadline, and one of them gets it.
  pollfd instance{epoll, POLLIN, 0};
  if (const int any = fails(call::ppoll) ? -1 : ppoll(&instance, 1, &sleep, nullptr); any <= 0) return any;
  return epoll_wait(epoll, events, room, 0);
}

std::uint32_t what_of(std::uint32_t events) noexcept {
  std::uint32_t what = 0;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) what |= readable;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) what |= writable;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0) what |= unusual;
  return what;
}

}  // namespace

int make_epoll() noexcept {
  const int made = fails(call::epoll_create) ? -1 : epoll_create1(EPOLL_CLOEXEC);
  return made >= 0 ? made : -errno;
}

int make_bell(int epoll) noexcept {
  const int bell = fails(call::eventfd) ? -1 : eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (bell < 0) return -errno;
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLET;
  wanted.data.u64 = bell_key;
  if (!fails(call::epoll_ctl) && epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &wanted) == 0) return bell;
  const int error = errno;
  close(bell);
  return -error;
}

void ring_bell(int bell) noexcept {
  // Each write is an edge, whatever the counter: nobody reads that until it is full.
  const std::uint64_t once = 1;
  while (fails(call::ring) || write(bell, &once, sizeof once) < 0) {
    const int error = errno;
    TREADLE_ASSERT(error == EAGAIN || error == EINTR, error, bell);
    std::uint64_t all = 0;
    static_cast<void>(!read(bell, &all, sizeof all));
  }
}

void close_descriptor(int descriptor) noexcept { close(descriptor); }

int watch_descriptor(int epoll, int descriptor, std::uint32_t what, std::uint64_t key, bool again) noexcept {
  epoll_event wanted{};
  wanted.events = static_cast<std::uint32_t>(EPOLLET) | ((what & readable) != 0 ? EPOLLIN | EPOLLRDHUP : 0u) |
                  ((what & writable) != 0 ? static_cast<std::uint32_t>(EPOLLOUT) : 0u) |
                  ((what & unusual) != 0 ? static_cast<std::uint32_t>(EPOLLPRI) : 0u);
  wanted.data.u64 = key;
  if (fails(call::epoll_ctl)) return -errno;
  return epoll_ctl(epoll, again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &wanted) == 0 ? 0 : -errno;
}

void unwatch_descriptor(int epoll, int descriptor) noexcept {
  epoll_event unused{};
  epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &unused);
}

int is_ready(int descriptor, std::uint32_t what) noexcept {
  pollfd asked{descriptor, static_cast<short>((what & readable) != 0 ? POLLIN | POLLRDHUP : POLLOUT), 0};
  int found = 0;
  do {
    found = fails(call::poll) ? -1 : poll(&asked, 1, 0);
  } while (found < 0 && errno == EINTR);  // "not now" it does not say: no edge may come any more
  if (found < 0) return -errno;
  if ((asked.revents & POLLNVAL) != 0) return -EBADF;
  return found > 0 ? 1 : -EAGAIN;
}

void wait_for_events(int epoll, std::int64_t deadline_ns, poll_batch& into) noexcept {
  std::array<epoll_event, poll_batch::capacity> events;
  const int room = static_cast<int>(events.size());
  const int count = fails(call::epoll_wait) ? -1 : collect(epoll, events.data(), room, deadline_ns);
  const int error = count < 0 ? errno : 0;
  TREADLE_ASSERT(error == 0 || error == EINTR, error, epoll);  // somebody has closed what is not theirs
  for (int i = 0; i < count; ++i) {
    const epoll_event& each = events[static_cast<std::size_t>(i)];
    if (each.data.u64 == bell_key) {
      into.heard_bell = true;
    } else {
      into.entries[into.count++] = {each.data.u64, what_of(each.events)};
    }
  }
}

}  // namespace treadle::detail::os
