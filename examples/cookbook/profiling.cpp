// A profiler in its smallest form: how often the tasks of each line ran, and for how long they computed and waited.
#include <treadle/treadle.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

class tiny_profile {
 public:
  [[nodiscard]] treadle::profiler_hooks hooks() {
    treadle::profiler_hooks made;
    made.context = this;
    made.task_begin = [](void* self, std::size_t worker, const treadle::profiler_hooks::task_info& task) noexcept {
      const std::string site = std::string(task.site.file) + ":" + std::to_string(task.site.line);
      of(self, worker).push_back({site.substr(site.rfind('/') + 1), clock_type::now(), {}, {}});
    };
    made.task_end = [](void* self, std::size_t worker) noexcept {
      frame& ended = of(self, worker).back();
      static_cast<tiny_profile*>(self)->add(ended, clock_type::now() - ended.since);
      of(self, worker).pop_back();
    };
    made.blocking_begin = [](void* self, std::size_t worker, const char*) noexcept {
      of(self, worker).back().blocked_since = clock_type::now();
    };
    made.blocking_end = [](void* self, std::size_t worker) noexcept {
      frame& waited = of(self, worker).back();
      waited.blocked += clock_type::now() - waited.blocked_since;
    };
    return made;
  }

  void print() const {
    std::printf("%-24s %6s %14s %13s\n", "scheduled at", "tasks", "computing, ms", "blocked, ms");
    for (const auto& [site, all] : sums_) {
      std::printf("%-24s %6zu %14.1f %13.1f\n", site.c_str(), all.tasks, ms(all.whole - all.blocked), ms(all.blocked));
    }
  }
  [[nodiscard]] std::size_t tasks() const {
    std::size_t all = 0;
    for (const auto& each : sums_) all += each.second.tasks;
    return all;
  }

 private:
  struct frame {
    std::string site;
    clock_type::time_point since, blocked_since;
    clock_type::duration blocked{};
  };
  struct sum {
    std::size_t tasks = 0;
    clock_type::duration whole{}, blocked{};
  };

  static double ms(clock_type::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }
  /// Only ever touched by the worker's own thread.
  static std::vector<frame>& of(void* self, std::size_t worker) {
    return static_cast<tiny_profile*>(self)->open_[worker];
  }
  void add(const frame& ended, clock_type::duration whole) {
    const std::lock_guard lock(mutex_);
    sum& of_site = sums_[ended.site];
    ++of_site.tasks;
    of_site.whole += whole;
    of_site.blocked += ended.blocked;
  }

  std::array<std::vector<frame>, 128> open_;
  std::mutex mutex_;
  std::map<std::string, sum> sums_;
};

}  // namespace

int main() {
  tiny_profile profile;  // outlives the pool that calls it
  {
    treadle::thread_pool pool(treadle::pool_config{.max_threads = 4, .profiler = profile.hooks()});
    for (int i = 0; i < 100; ++i) {
      static_cast<void>(pool.post([] {
        for (const auto end = clock_type::now() + std::chrono::microseconds(100); clock_type::now() < end;) {
        }
      }));
    }
    for (int i = 0; i < 10; ++i) {
      static_cast<void>(
          pool.post([] { treadle::blocking([] { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }); }));
    }
  }
  profile.print();
  return profile.tasks() == 110 ? 0 : 1;
}
