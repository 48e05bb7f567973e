#include "machine.hpp"

#include <treadle/available_parallelism.hpp>
#include <treadle/thread_pool.hpp>

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef TREADLE_TOOL_HWLOC
#include <hwloc.h>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <ctime>
#include <exception>
#include <fstream>
#include <map>
#include <utility>

namespace tool {

namespace {

using clock = std::chrono::steady_clock;

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Returns the CPUs of the mask as Linux writes such lists, and counts them.
std::string read_affinity(std::uint32_t& count) {
  constexpr std::uint32_t most = 16'384;
  std::array<cpu_set_t, most / CPU_SETSIZE> mask{};
  count = 0;
  if (::sched_getaffinity(0, sizeof mask, mask.data()) != 0) return {};
  const auto has = [&](std::uint32_t cpu) { return cpu < most && CPU_ISSET_S(cpu, sizeof mask, mask.data()) != 0; };
  std::string text;
  for (std::uint32_t cpu = 0; cpu < most; ++cpu) {
    if (!has(cpu)) continue;
    const std::uint32_t first = cpu;
    while (has(cpu + 1)) ++cpu;
    count += cpu - first + 1;
    text += (text.empty() ? "" : ",") + std::to_string(first);
    if (cpu > first) text += '-' + std::to_string(cpu);
  }
  return text;
}

#ifdef TREADLE_TOOL_HWLOC
void look_at_topology(machine& seen) {
  hwloc_topology_t topology;
  if (hwloc_topology_init(&topology) != 0) return;
  if (hwloc_topology_load(topology) == 0) {
    const auto count = [topology](hwloc_obj_type_t type) {
      return static_cast<std::uint32_t>(std::max(0, hwloc_get_nbobjs_by_type(topology, type)));
    };
    seen.knows_topology = true;
    seen.packages = count(HWLOC_OBJ_PACKAGE);
    seen.cores = count(HWLOC_OBJ_CORE);
    seen.threads = count(HWLOC_OBJ_PU);
    seen.numa_nodes = count(HWLOC_OBJ_NUMANODE);
    for (const hwloc_obj_type_t type : {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE}) {
      const hwloc_obj_t one = hwloc_get_obj_by_type(topology, type, 0);
      if (one == nullptr) continue;
      seen.caches.push_back({one->attr->cache.depth, one->attr->cache.size, count(type)});
      if (seen.line_bytes == 0) seen.line_bytes = one->attr->cache.linesize;
    }
  }
  hwloc_topology_destroy(topology);
}
#else
void look_at_topology(machine&) {}
#endif

/// Asks the kernel for the smallest ring, for what it says of itself.
std::vector<std::string> read_ring_features() {
  static constexpr std::array names{"single_mmap", "nodrop",      "submit_stable",   "rw_cur_pos",   "cur_personality",
                                    "fast_poll",   "poll_32bits", "sqpoll_nonfixed", "ext_arg",      "native_workers",
                                    "rsrc_tags",   "cqe_skip",    "linked_file",     "reg_reg_ring", "recvsend_bundle",
                                    "min_timeout", "rw_attr",     "no_iowait"};
  constexpr long io_uring_setup = 425;         // the same on every processor
  constexpr std::size_t features_at = 5;       // of the words of struct io_uring_params
  std::array<std::uint32_t, 30> parameters{};  // 120 bytes
  const long ring = ::syscall(io_uring_setup, 1, parameters.data());
  if (ring < 0) return {};
  ::close(static_cast<int>(ring));
  std::vector<std::string> found;
  for (std::size_t bit = 0; bit < names.size(); ++bit) {
    if ((parameters[features_at] >> bit & 1) != 0) found.emplace_back(names[bit]);
  }
  return found;
}

machine::limit read_limit(decltype(RLIMIT_NOFILE) which) {
  rlimit found{};
  if (::getrlimit(which, &found) != 0) return {};
  const auto number = [](rlim_t value) { return value == RLIM_INFINITY ? UINT64_MAX : std::uint64_t{value}; };
  return {number(found.rlim_cur), number(found.rlim_max)};
}

/// The least of several rounds: others run, too.
double measure_clock_ns() {
  constexpr int looks = 2000;
  double best = 1e9;
  for (int round = 0; round < 7; ++round) {
    timespec now{};
    const clock::time_point start = clock::now();
    for (int i = 0; i < looks; ++i) ::clock_gettime(CLOCK_MONOTONIC, &now);
    best = std::min(best, std::chrono::duration<double, std::nano>(clock::now() - start).count() / looks);
  }
  return best;
}

void try_pool(machine& seen) {
  try {
    const clock::time_point start = clock::now();
    treadle::thread_pool pool;
    if (const std::error_code error = pool.start()) {
      seen.pool_refused = error.message();
      return;
    }
    if (pool.submit([] { return 42; }).get() != 42) seen.pool_refused = "a task gave a wrong result";
    seen.pool_start_us = std::chrono::duration<double, std::micro>(clock::now() - start).count();
    seen.pool_width = seen.available;
  } catch (const std::exception& error) {
    seen.pool_refused = error.what();
  }
}

}  // namespace

machine machine::look() {
  machine seen;
  utsname system{};
  if (::uname(&system) == 0) seen.system = std::string(system.sysname) + ' ' + system.release + ' ' + system.machine;
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  seen.online = online > 0 ? static_cast<std::uint32_t>(online) : 0;
  seen.affinity = read_affinity(seen.allowed);
  seen.available = treadle::available_parallelism();
  look_at_topology(seen);
  seen.io = treadle::io::current_backend();
  seen.io_text = treadle::io::describe(seen.io);
  seen.ring_features = read_ring_features();
  seen.ring_switch = first_line("/proc/sys/kernel/io_uring_disabled");
  seen.clock_source = first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  seen.clock_ns = measure_clock_ns();
  const int slack = ::prctl(PR_GET_TIMERSLACK);
  seen.timer_slack_ns = slack > 0 ? static_cast<std::uint64_t>(slack) : 0;
  const long barriers = ::syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  seen.has_barriers = barriers > 0 && (barriers & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;
  seen.files = read_limit(RLIMIT_NOFILE);
  seen.processes = read_limit(RLIMIT_NPROC);
  seen.locked_bytes = read_limit(RLIMIT_MEMLOCK);
  seen.stack_bytes = read_limit(RLIMIT_STACK);
  try_pool(seen);
  return seen;
}

std::vector<remark> remarks_on(const machine& seen) {
  std::vector<remark> found;
  const auto add = [&found](bool is_problem, std::string text, std::string mend) {
    found.push_back({is_problem, std::move(text), std::move(mend)});
  };
  if (!seen.pool_refused.empty()) {
    add(true, "a pool cannot run a task: " + seen.pool_refused, "look at the limit of processes");
  }
  if (seen.files.now < 64) {
    add(true, "only " + std::to_string(seen.files.now) + " files may be open", "ulimit -n 4096");
  } else if (seen.files.now <= 1024 && seen.files.most > seen.files.now) {
    add(false, "only " + std::to_string(seen.files.now) + " files may be open, each connection is one",
        "ulimit -n " + (seen.files.most == UINT64_MAX ? "65536" : std::to_string(seen.files.most)));
  }
  if (seen.available < seen.allowed) {
    add(false,
        "a quota of a control group allows about " + std::to_string(seen.available) + " of " +
            std::to_string(seen.allowed) + " CPUs",
        "raise cpu.max, or leave it: a pool takes no more than that");
  }
  if (seen.io.wish_is_unknown) {
    add(false, "TREADLE_IO is none of epoll, auto and uring", "set it to one of them, or not at all");
  }
  if (seen.io.refused && seen.ring_features.empty()) {
    add(false, "no io_uring, files are read by threads: " + seen.io.refused.message(),
        seen.ring_switch.empty() || seen.ring_switch == "0"
            ? "a kernel from 5.6 on gives rings, unless the filter of a container forbids them (seccomp)"
            : "sysctl kernel.io_uring_disabled=0");
  } else if (seen.io.refused) {
    add(false, "this treadle goes without io_uring, though the system has it", "build it with liburing 2.3 or later");
  }
  if (seen.clock_ns > 200) {
    add(false,
        "a look at the clock costs " + std::to_string(static_cast<int>(seen.clock_ns)) + " ns (" +
            (seen.clock_source.empty() ? "unknown source" : seen.clock_source) + ")",
        "let the system use tsc or the clock of its hypervisor");
  }
  if (!seen.has_barriers) {
    add(false, "no membarrier: whoever parks a worker pays for a fence more", "a kernel from 4.14 on has it");
  }
  return found;
}

}  // namespace tool
