#include "child.hpp"

#include "../workload/clock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <sstream>

extern char** environ;

namespace bench {

namespace {

constexpr int not_offered_status = 3;

outcome failed(std::string why) { return {outcome::kind::failed, std::move(why), {}}; }

/// Starts `command` in a process group of its own with `output` as its standard output; returns 0 if that fails.
pid_t start(const std::vector<std::string>& command, int output) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  const int error = posix_spawnp(&child, words[0], &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error == 0 ? child : 0;
}

/// Reads until the other side closes or the time is up.
void read_all(int from, std::uint64_t until_ns, std::string& text) {
  for (;;) {
    const std::uint64_t now = wall_ns();
    if (now >= until_ns) return;
    pollfd waited{from, POLLIN, 0};
    if (poll(&waited, 1, static_cast<int>((until_ns - now) / 1'000'000) + 1) <= 0) continue;
    char buffer[4096];
    const ssize_t got = read(from, buffer, sizeof buffer);
    if (got <= 0) return;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

/// Waits for the end of `child`, and ends it when the time is up first: one that hangs must not hang the report.
void end_by(pid_t child, std::uint64_t until_ns) {
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  for (std::uint64_t now = wall_ns(); now < until_ns; now = wall_ns()) {
    pollfd waited{handle, POLLIN, 0};
    if (poll(&waited, 1, static_cast<int>((until_ns - now) / 1'000'000) + 1) > 0) break;
  }
  if (wall_ns() >= until_ns) kill(-child, SIGKILL);
  close(handle);
}

double ns(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
}

std::map<std::string, double> parse(const std::string& text) {
  std::map<std::string, double> values;
  std::istringstream lines(text);
  std::string name;
  double value = 0;
  while (lines >> name >> value) values[name] = value;
  return values;
}

}  // namespace

outcome run_child(const std::vector<std::string>& command, bool times_itself, unsigned limit_s) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed(std::strerror(errno));
  // A command that does not time itself writes to nowhere; the pipe then only tells when it has ended.
  const int sink = times_itself ? ends[1] : open("/dev/null", O_WRONLY | O_CLOEXEC);
  const std::uint64_t started = wall_ns();
  const pid_t child = start(command, sink);
  close(ends[1]);
  if (!times_itself) close(sink);
  if (child == 0) {
    close(ends[0]);
    return failed("cannot start " + command[0]);
  }
  std::string text;
  const std::uint64_t until = started + limit_s * 1'000'000'000ull;
  if (times_itself) read_all(ends[0], until, text);
  close(ends[0]);
  end_by(child, until);
  int status = 0;
  rusage used{};
  wait4(child, &status, 0, &used);
  const std::uint64_t ended = wall_ns();
  if (WIFSIGNALED(status)) return failed(std::string("ended by signal ") + strsignal(WTERMSIG(status)));
  if (WEXITSTATUS(status) == not_offered_status) return {outcome::kind::not_offered, {}, {}};
  if (WEXITSTATUS(status) != 0) return failed("exit status " + std::to_string(WEXITSTATUS(status)));
  outcome result{outcome::kind::measured, {}, parse(text)};
  if (!times_itself) {
    result.values["wall_ns"] = static_cast<double>(ended - started);
    result.values["cpu_ns"] = ns(used.ru_utime) + ns(used.ru_stime);
    result.values["peak_kib"] = static_cast<double>(used.ru_maxrss);
  }
  return result;
}

}  // namespace bench
