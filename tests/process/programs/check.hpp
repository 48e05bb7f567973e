#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <thread>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TREADLE_PROGRAM_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define TREADLE_PROGRAM_SANITIZED 1
#endif
#endif
#ifndef TREADLE_PROGRAM_SANITIZED
#define TREADLE_PROGRAM_SANITIZED 0
#endif

/// For programs that the process tests start: no test framework, for these processes end in every way there is.
namespace program {

inline constexpr bool is_sanitized = TREADLE_PROGRAM_SANITIZED != 0;
inline constexpr int failed = 99;

/// Ends the process at once, wherever it is: no destructor may get the chance to hang.
[[noreturn]] inline void fail(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
  std::fflush(stderr);
  _exit(failed);
}

#define CHECK(condition) ((condition) ? static_cast<void>(0) : ::program::fail(#condition, __FILE__, __LINE__))
/// For what returns a std::error_code, of which none is success.
#define CHECK_OK(call) ::program::check_ok((call), #call, __FILE__, __LINE__)
inline void check_ok(const std::error_code& error, const char* what, const char* file, int line) {
  if (!error) return;
  std::fprintf(stderr, "%s: ", error.message().c_str());
  fail(what, file, line);
}

template <class Condition>
bool eventually(Condition&& condition, std::chrono::seconds limit = std::chrono::seconds(15)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return condition();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

inline void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

inline std::size_t count_threads() {
  // A sanitizer starts a thread of its own beside the first thread of the program.
  static const bool sanitizer_has_its_own = [] {
    if (is_sanitized) std::thread([] {}).join();
    return true;
  }();
  static_cast<void>(sanitizer_has_its_own);
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

/// Forks, calls `f` in the child and expects the child to end with `exit_code`; `f` need not return.
template <class F>
void in_child(F&& f, int exit_code = 0) {
  std::fflush(nullptr);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    f();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(!WIFSIGNALED(status));
  CHECK(WEXITSTATUS(status) != failed);  // it has said why
  CHECK(WEXITSTATUS(status) == exit_code);
}

struct scenario {
  const char* name;
  void (*run)();
};

/// Runs the scenario that the command line names.
template <std::size_t N>
int run_scenario(const scenario (&all)[N], int argc, char** argv) {
  CHECK(argc >= 2);
  for (const scenario& each : all) {
    if (std::strcmp(each.name, argv[1]) != 0) continue;
    each.run();
    return 0;
  }
  std::fprintf(stderr, "no scenario %s\n", argv[1]);
  return failed;
}

}  // namespace program
