#pragma once

#include "limits.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

extern char** environ;

namespace treadle::test {

/// How a child process ended.
struct child_end {
  bool started = false;
  bool hung = false;  ///< it was killed at the time limit
  int exit_code = -1;
  int signal = 0;
  std::string output;  ///< of stdout and stderr
};

namespace detail {

inline void read_available(int pipe, std::string& output) {
  char bytes[4096];
  for (ssize_t count; (count = read(pipe, bytes, sizeof bytes)) > 0;) {
    output.append(bytes, static_cast<std::size_t>(count));
  }
}

inline pid_t spawn(const std::string& path, const std::vector<std::string>& words, int output) {
  std::vector<char*> arguments{const_cast<char*>(path.c_str())};
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: what it forks is killed with it.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = -1;
  const int error = posix_spawn(&child, path.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? child : -1;
}

}  // namespace detail

/// Runs one of tests/process/programs to its end, or kills it when the time is up.
inline child_end run_program(const std::string& name, const std::vector<std::string>& words,
                             std::chrono::nanoseconds limit = patience) {
  child_end end;
  int pipe[2];
  if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) return end;
  // Not by operator+, in which g++ 12 sees a fault that is none.
  std::string path = TREADLE_PROCESS_PROGRAMS_DIR "/";
  path += name;
  const pid_t child = detail::spawn(path, words, pipe[1]);
  close(pipe[1]);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int status = 0;
  end.started = child > 0;
  while (end.started) {
    pollfd readable{pipe[0], POLLIN, 0};
    poll(&readable, 1, 2);
    detail::read_available(pipe[0], end.output);
    if (waitpid(child, &status, WNOHANG) == child) break;
    if (std::chrono::steady_clock::now() > deadline && !std::exchange(end.hung, true)) kill(-child, SIGKILL);
    if ((readable.revents & POLLHUP) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (end.started) kill(-child, SIGKILL);  // whatever it forked and left behind
  detail::read_available(pipe[0], end.output);
  close(pipe[0]);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

/// Runs a program that exits with `exit_code` when all its checks hold.
inline void expect_exit(const std::string& name, const std::vector<std::string>& words, int exit_code = 0) {
  const child_end end = run_program(name, words);
  ASSERT_TRUE(end.started) << name;
  EXPECT_FALSE(end.hung) << "it hangs\n" << end.output;
  if (end.hung) return;
  EXPECT_EQ(end.signal, 0) << end.output;
  EXPECT_EQ(end.exit_code, exit_code) << end.output;
}

/// A test a scenario of a program.
class scenario : public testing::TestWithParam<const char*> {
 public:
  static std::string name(const testing::TestParamInfo<const char*>& info) { return info.param; }
};

}  // namespace treadle::test
