// Loads a library that holds a pool, lets it work, and unloads it in the middle, again and again.
#include "../plugin_face.hpp"
#include "check.hpp"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

using program::eventually;

namespace {

constexpr int rounds = program::is_sanitized ? 40 : 200;
const std::string plugin_path = std::string(TREADLE_PROCESS_PLUGINS_DIR) + "/pool_holder.so";

bool is_mapped() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/pool_holder.so") != std::string::npos) return true;
  }
  return false;
}

std::size_t count_mappings() {
  std::ifstream maps("/proc/self/maps");
  return static_cast<std::size_t>(
      std::count(std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>(), '\n'));
}

void load_use_unload(bool drain, int linger_us) {
  plugin_counts counts;
  const std::size_t threads_before = program::count_threads();
  void* const plugin = dlopen(plugin_path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) std::fprintf(stderr, "%s\n", dlerror());
  CHECK(plugin != nullptr);
  const auto begin = reinterpret_cast<plugin_begin_function>(dlsym(plugin, "plugin_begin"));
  CHECK(begin != nullptr);
  CHECK(begin(&counts, drain));
  CHECK(eventually([&] { return counts.started > 0; }));
  std::this_thread::sleep_for(std::chrono::microseconds(linger_us));
  CHECK(dlclose(plugin) == 0);
  CHECK(!is_mapped());  // or else nothing was shown
  const int started = counts.started;
  CHECK(started == counts.ended);
  CHECK(counts.held == 0);
  CHECK(!drain || started == counts.accepted);
  CHECK(eventually([&] { return program::count_threads() == threads_before; }));
  CHECK(counts.started == started);
}

void repeat(bool drain) {
  std::size_t mappings_early = 0;
  for (int round = 0; round < rounds; ++round) {
    load_use_unload(drain, 50 * (round % 10));
    if (round == rounds / 4) mappings_early = count_mappings();
  }
  // Stacks, thread-local blocks and the library itself come and go; what stays is what the C library keeps for reuse.
  if (!program::is_sanitized) CHECK(count_mappings() <= mappings_early + 8);
}

void cancel_at_unload() { repeat(false); }
void drain_at_unload() { repeat(true); }

/// The library's fork handlers must be gone with it.
void fork_after_unload() {
  for (int round = 0; round < 10; ++round) {
    load_use_unload(round % 2 == 0, 0);
    program::in_child([] {});
  }
}

/// fork() while it is loaded: its pool is inherited, and unloading the library in the child must not wait for it.
void unload_in_child() {
  plugin_counts counts;
  void* const plugin = dlopen(plugin_path.c_str(), RTLD_NOW | RTLD_LOCAL);
  CHECK(plugin != nullptr);
  const auto begin = reinterpret_cast<plugin_begin_function>(dlsym(plugin, "plugin_begin"));
  CHECK(begin(&counts, true));
  program::in_child([&] {
    CHECK(dlclose(plugin) == 0);
    CHECK(!is_mapped());
  });
  CHECK(dlclose(plugin) == 0);
  CHECK(counts.ended == counts.accepted);
}

constexpr program::scenario scenarios[] = {
    {"cancel_at_unload", &cancel_at_unload},
    {"drain_at_unload", &drain_at_unload},
    {"fork_after_unload", &fork_after_unload},
    {"unload_in_child", &unload_in_child},
};

}  // namespace

int main(int argc, char** argv) { return program::run_scenario(scenarios, argc, argv); }
