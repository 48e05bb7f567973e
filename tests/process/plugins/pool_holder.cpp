// A library with a pool of its own, to be loaded, used and unloaded while its tasks run.
#include "../plugin_face.hpp"

#include <treadle/treadle.hpp>

#include <chrono>
#include <thread>

namespace {

constinit treadle::thread_pool cancelling{
    treadle::pool_config{.max_threads = 2, .on_destroy = treadle::shutdown_mode::cancel}};
constinit treadle::thread_pool draining{
    treadle::pool_config{.max_threads = 2, .on_destroy = treadle::shutdown_mode::drain}};

/// Code of this library, run by its threads: a worker that outlives the library crashes in it.
struct slow_task : treadle::task {
  slow_task() noexcept : task(&run) {}
  static void run(task* called) noexcept {
    plugin_counts& counts = *static_cast<slow_task*>(called)->counts;
    ++counts.started;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    ++counts.ended;
  }
  plugin_counts* counts = nullptr;
};
slow_task tasks[32];

}  // namespace

extern "C" __attribute__((visibility("default"))) bool plugin_begin(plugin_counts* counts, bool drain) {
  treadle::thread_pool& pool = drain ? draining : cancelling;
  for (slow_task& each : tasks) {
    each.counts = counts;
    if (pool.schedule(each)) return false;
    ++counts->accepted;
  }
  for (int i = 0; i < 32; ++i) {
    // Made by the pool: what did not run is destroyed when the library is unloaded.
    if (pool.post([held = plugin_counts::hold(*counts)] {
          ++held.counts->started;
          ++held.counts->ended;
        })) {
      return false;
    }
    ++counts->accepted;
  }
  return true;
}
