#include "machine.hpp"

#include <sys/resource.h>
#include <sys/utsname.h>

#include <fstream>
#include <sstream>
#include <thread>

namespace bench {

namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::string describe_machine() {
  utsname system{};
  uname(&system);
  std::ifstream cpuinfo("/proc/cpuinfo");
  std::string text((std::istreambuf_iterator<char>(cpuinfo)), std::istreambuf_iterator<char>());
  const bool is_virtual = text.find(" hypervisor") != text.npos;
  std::ostringstream line;
  line << cpu_model() << ", " << std::thread::hardware_concurrency() << " processors"
       << (is_virtual ? " (virtual)" : "") << ", " << system.sysname << ' ' << system.release << ' ' << system.machine
       << ", " << compiler();
  return line.str();
}

machine_ticks read_machine_ticks() {
  std::ifstream stat("/proc/stat");
  std::string name;
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  stat >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
  const std::uint64_t busy = user + nice + system + irq + softirq;
  return {busy + idle + iowait + steal, busy, steal};
}

double cpu_seconds_of_us() {
  double sum = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    getrusage(who, &used);
    sum += seconds(used.ru_utime) + seconds(used.ru_stime);
  }
  return sum;
}

}  // namespace bench
