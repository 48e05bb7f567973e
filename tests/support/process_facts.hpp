#pragma once

#include <treadle/config.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <thread>

namespace treadle::test {

/// The threads of this process, by the kernel's numbers.
inline std::set<int> thread_ids() {
#if TREADLE_THREAD_SANITIZER
  // The thread sanitizer starts a thread of its own beside the first one of the program: let it be there already.
  static const bool has_started = [] {
    std::thread([] {}).join();
    return true;
  }();
  static_cast<void>(has_started);
#endif
  std::set<int> ids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    ids.insert(std::atoi(entry.path().filename().c_str()));
  }
  return ids;
}

inline std::size_t count_threads() { return thread_ids().size(); }

/// What the kernel has counted for one thread.
struct thread_facts {
  std::uint64_t context_switches = 0;
  std::uint64_t cpu_ns = 0;
  std::string name;
};

inline thread_facts facts_of(int thread_id) {
  thread_facts facts;
  const std::string folder = "/proc/self/task/" + std::to_string(thread_id);
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.find("ctxt_switches:") != std::string::npos) {
      facts.context_switches += std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
    }
    if (line.rfind("Name:\t", 0) == 0) facts.name = line.substr(6);
  }
  std::ifstream(folder + "/schedstat") >> facts.cpu_ns;
  return facts;
}

/// The threads that exist now and are not in `before`.
inline std::map<int, thread_facts> facts_of_new_threads(const std::set<int>& before) {
  std::map<int, thread_facts> facts;
  for (const int id : thread_ids()) {
    if (before.count(id) == 0) facts[id] = facts_of(id);
  }
  return facts;
}

}  // namespace treadle::test
