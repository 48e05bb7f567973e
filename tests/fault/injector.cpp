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

std::atomic<std::uint32_t> armed_call{0};
std::atomic<int> armed_error{0};
std::atomic<std::uint64_t> until_failure{0};  // 0: none
std::atomic<bool> goes_on{false}, fired{false};
std::atomic<std::int64_t> live{0};
constinit thread_local int exempt = 0;

bool fails_now(std::uint32_t asked) noexcept {
  if (armed_call.load(std::memory_order_relaxed) != asked || exempt != 0) return false;
  std::uint64_t left = until_failure.load(std::memory_order_relaxed);
  do {
    if (left == 0) return false;
    if (left == 1 && goes_on.load(std::memory_order_relaxed)) break;
  } while (!until_failure.compare_exchange_weak(left, left - 1, std::memory_order_relaxed));
  if (left != 1) return false;
  fired.store(true, std::memory_order_relaxed);
  errno = armed_error.load(std::memory_order_relaxed);
  return true;
}

}  // namespace

const std::vector<point>& all_points() {
  const auto of = [](const char* name, call asked, int error) {
    return point{name, static_cast<std::uint32_t>(asked), error, error != EINTR || asked != call::read};
  };
  static const std::vector<point> points{
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
      of("futex_wait", call::futex_wait, EINTR),
      of("futex_wake", call::futex_wake, 0),
      of("clock_nanosleep", call::sleep, EINTR),
      of("sched_yield", call::yield, ENOSYS),
      {"operator_new", allocation, ENOMEM, true},
  };
  return points;
}

void arm(const point& chosen, std::uint64_t k, bool and_on) noexcept {
  armed_call = chosen.call;
  armed_error = chosen.error;
  goes_on = and_on;
  fired = false;
  until_failure = k;
  detail::os::fault_hook = [](call asked) noexcept { return fails_now(static_cast<std::uint32_t>(asked)); };
}

void disarm() noexcept {
  until_failure = 0;
  detail::os::fault_hook = nullptr;
}

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
