#include "cpu.hpp"

#include "fault.hpp"

#include <treadle/available_parallelism.hpp>

#include <sched.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstddef>

namespace treadle::detail::os {

namespace {

/// Which CPUs a thread may run on. Twice what Linux can be built for, so it never has to grow, and fits any stack.
class cpu_mask {
 public:
  static constexpr std::uint32_t capacity = 16'384;

  constexpr cpu_mask() noexcept = default;

  [[nodiscard]] bool has(std::uint32_t cpu) const noexcept {
    return cpu < capacity && CPU_ISSET_S(cpu, sizeof sets_, sets_) != 0;
  }
  void add(std::uint32_t cpu) noexcept { CPU_SET_S(cpu, sizeof sets_, sets_); }
  [[nodiscard]] std::uint32_t count() const noexcept {
    return static_cast<std::uint32_t>(CPU_COUNT_S(sizeof sets_, sets_));
  }
  [[nodiscard]] bool read() noexcept {
    return !fails(call::sched_getaffinity) && sched_getaffinity(0, sizeof sets_, sets_) == 0;
  }
  void apply() const noexcept {
    if (!fails(call::sched_setaffinity)) static_cast<void>(sched_setaffinity(0, sizeof sets_, sets_));
  }

 private:
  cpu_set_t sets_[capacity / CPU_SETSIZE]{};
};

cpu_mask read_mask() noexcept {
  cpu_mask mask;
  if (mask.read() && mask.count() != 0) return mask;
  // A sandbox may forbid the question: then all CPUs that are there.
  const long online = fails(call::sysconf) ? -1 : sysconf(_SC_NPROCESSORS_ONLN);
  const std::uint32_t count = online > 0 ? static_cast<std::uint32_t>(online) : 1;
  for (std::uint32_t cpu = 0; cpu < count && cpu < cpu_mask::capacity; ++cpu) mask.add(cpu);
  return mask;
}

constinit thread_local bool pinned_here = false;

/// Returns what the first thread that was ever pinned could use before; to be called before it is.
const cpu_mask& unpinned() noexcept {
  static const cpu_mask mask = read_mask();
  return mask;
}

cpu_mask allowed() noexcept { return pinned_here ? unpinned() : read_mask(); }

std::uint32_t nth_of(const cpu_mask& mask, std::uint32_t n) noexcept {
  for (std::uint32_t cpu = 0; cpu < cpu_mask::capacity; ++cpu) {
    if (mask.has(cpu) && n-- == 0) return cpu;
  }
  return any_cpu;
}

std::uint32_t reverse_bits(std::uint32_t value, std::uint32_t width) noexcept {
  std::uint32_t reversed = 0;
  for (; width != 0; --width, value >>= 1) reversed = (reversed << 1) | (value & 1);
  return reversed;
}

}  // namespace

std::uint32_t count_allowed_cpus() noexcept { return allowed().count(); }

bool allowed_cpu(std::uint32_t cpu) noexcept { return allowed().has(cpu); }

std::uint32_t nth_allowed_cpu(std::uint32_t n) noexcept { return nth_of(allowed(), n); }

std::uint32_t spread(std::uint32_t n, std::uint32_t count) noexcept {
  // Bit reversal spreads the points of a grid of the next power of two. Of two that fall together the even one comes
  // first.
  const auto width = static_cast<std::uint32_t>(std::bit_width(count - 1));
  const auto place_of = [&](std::uint64_t point) { return static_cast<std::uint32_t>((point * count) >> width); };
  for (std::uint32_t i = 0;; ++i) {
    const std::uint32_t point = reverse_bits(i, width), place = place_of(point);
    const bool is_first = point % 2 == 0 || (place_of(point - 1) != place && place_of(point + 1) != place);
    if (is_first && n-- == 0) return place;
  }
}

std::uint32_t choose_cpu(const pin_policy& policy, std::uint32_t worker_index) noexcept {
  switch (policy.how) {
    case pin_policy::kind::none:
      return any_cpu;
    case pin_policy::kind::list:
      return policy.cpus != nullptr && policy.count != 0 ? policy.cpus[worker_index % policy.count] : any_cpu;
    case pin_policy::kind::compact:
    case pin_policy::kind::scatter:
      break;
  }
  const cpu_mask mask = allowed();
  const std::uint32_t count = mask.count();
  const std::uint32_t n = worker_index % count;
  return nth_of(mask, policy.how == pin_policy::kind::scatter ? spread(n, count) : n);
}

void pin_this_thread(std::uint32_t cpu) noexcept {
  if (cpu >= cpu_mask::capacity) return;
  static_cast<void>(unpinned());
  pinned_here = true;
  cpu_mask one;
  one.add(cpu);
  one.apply();
}

bool is_this_thread_pinned() noexcept { return pinned_here; }

void unpin_this_thread() noexcept {
  unpinned().apply();
  pinned_here = false;
}

std::uint32_t count_usable_cpus(const char* proc_self_dir) noexcept {
  const std::uint32_t allowed_here = count_allowed_cpus();
  const double quota = std::ceil(cpu_quota(proc_self_dir));
  if (!(quota < static_cast<double>(allowed_here))) return allowed_here;
  return quota < 1 ? 1 : static_cast<std::uint32_t>(quota);
}

}  // namespace treadle::detail::os

namespace treadle {

std::uint32_t available_parallelism() noexcept { return detail::os::count_usable_cpus("/proc/self"); }

}  // namespace treadle
