#include "footprint.hpp"

#include <process_facts.hpp>

#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <ostream>

namespace {
std::atomic<std::int64_t> live_objects{0};
}

void* operator new(std::size_t bytes) {
  void* const made = std::malloc(bytes);
  if (made == nullptr) throw std::bad_alloc();
  live_objects.fetch_add(1, std::memory_order_relaxed);
  return made;
}
void operator delete(void* freed) noexcept {
  if (freed != nullptr) live_objects.fetch_sub(1, std::memory_order_relaxed);
  std::free(freed);
}
void operator delete(void* freed, std::size_t) noexcept { operator delete(freed); }

namespace treadle::test {

namespace {

std::size_t resident_kib() {
  std::size_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

std::size_t count_handles() {
  const std::filesystem::directory_iterator handles("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(handles), end(handles)));
}

}  // namespace

footprint footprint::now() {
  footprint made;
  malloc_trim(0);
  made.handles = count_handles();
  made.threads = count_threads();
  made.kib = resident_kib();
  made.objects = live_objects;
  return made;
}

void print_growth(std::ostream& out, const footprint& before, const footprint& after) {
  out << "objects " << before.objects << " -> " << after.objects << ", handles " << before.handles << " -> "
      << after.handles << ", threads " << before.threads << " -> " << after.threads << ", KiB " << before.kib << " -> "
      << after.kib << '\n';
}

}  // namespace treadle::test
