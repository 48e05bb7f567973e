#include "trace.hpp"

#include "text.hpp"

#include <fmt/format.h>

#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <system_error>

// POSIX leaves its declaration to the program.
extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace tool {

namespace {

constexpr int could_not_run = 127;  // as shells say

volatile pid_t child = 0;

/// What a user or a supervisor sends us is meant for the program.
void pass_on(int number) {
  if (child > 0) ::kill(child, number);
}

int complain(const std::string& name, const std::string& what, int status) {
  fmt::print(stderr, "treadle: {}: {}\n", readable(name), what);
  return status;
}

sigset_t set_of(std::initializer_list<int> numbers) {
  sigset_t made;
  ::sigemptyset(&made);
  for (const int each : numbers) ::sigaddset(&made, each);
  return made;
}

/// From a terminal the program has these itself, so we do not end of them. Returns those that were not ignored before.
sigset_t ignore_the_keyboard() {
  sigset_t usual = set_of({});
  for (const int each : {SIGINT, SIGQUIT}) {
    if (std::signal(each, SIG_IGN) != SIG_IGN) ::sigaddset(&usual, each);
  }
  return usual;
}

/// Starts the program with `usual` at their default and with this mask. Returns an errno, or 0.
int start(const std::vector<std::string>& command, const sigset_t& usual, const sigset_t& mask, pid_t& started) {
  std::vector<char*> words;
  for (const std::string& each : command) words.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setsigmask(&attributes, &mask);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  const int error = ::posix_spawnp(&started, words.front(), nullptr, &attributes, words.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

/// Starts the program, passes on what is meant for it, and waits for its end. Returns its status, or an errno with
/// `started` 0.
int run_to_its_end(const std::vector<std::string>& command, pid_t& started) {
  const sigset_t usual = ignore_the_keyboard();
  const sigset_t passed = set_of({SIGTERM, SIGHUP});  // held back while nobody is there to have them
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &passed, &before);
  if (const int failed = start(command, usual, before, started); failed != 0) {
    started = 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return failed;
  }
  child = started;
  for (const int each : {SIGTERM, SIGHUP}) std::signal(each, &pass_on);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  siginfo_t ended;
  while (::waitid(P_PID, static_cast<id_t>(started), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  child = 0;  // from the next line on its number may be another's
  int status = 0;
  ::waitpid(started, &status, 0);
  return status;
}

}  // namespace

int run_trace(const trace_options& options) {
  namespace files = std::filesystem;
  std::error_code error;
  const files::path file = files::absolute(options.out, error);  // the program may go elsewhere
  if (error) return complain(options.out, error.message(), 1);
  if (files::is_directory(file, error)) return complain(options.out, "is a directory; name a file with --out", 1);
  if (files::exists(file, error) && !files::is_regular_file(file, error)) {
    return complain(options.out, "is no regular file, and would be replaced; name another with --out", 1);
  }
  if (!files::is_directory(file.parent_path(), error)) return complain(options.out, "its directory does not exist", 1);
  files::remove(file, error);  // what is there afterwards is this run's
  if (error) return complain(options.out, error.message(), 1);
  if (::setenv("TREADLE_TRACE", file.c_str(), 1) != 0) return complain(options.out, "no memory", 1);

  pid_t started = 0;
  const int status = run_to_its_end(options.command, started);
  if (started == 0) {
    return complain(options.command.front(), std::generic_category().message(status), could_not_run);
  }
  const int ended = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  const std::uintmax_t bytes = files::file_size(file, error);
  if (error) {
    return complain(options.out,
                    fmt::format("{} left no trace; it has to link treadle, start a pool, and end by exit() or a signal "
                                "that it can see",
                                readable(options.command.front())),
                    ended == 0 ? 1 : ended);
  }
  fmt::print(stderr, "treadle: {}: {} bytes; `treadle report {}` makes a page of it\n", readable(options.out),
             with_commas(bytes), readable(options.out));
  return ended;
}

}  // namespace tool
