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
#include <system_error>

// POSIX leaves its declaration to the program.
extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace tool {

namespace {

constexpr int could_not_run = 127;  // as shells say

volatile pid_t child = 0;

/// What a user or a supervisor sends us is meant for the program. From a terminal it has SIGINT itself.
void pass_on(int number) {
  if (child > 0) ::kill(child, number);
}

int complain(const std::string& name, const std::string& what, int status) {
  fmt::print(stderr, "treadle: {}: {}\n", readable(name), what);
  return status;
}

/// Starts the program with the signals as they were. Returns an errno, or 0.
int start(const std::vector<std::string>& command, pid_t& started) {
  std::vector<char*> words;
  for (const std::string& each : command) words.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t usual;
  ::sigemptyset(&usual);
  for (const int each : {SIGINT, SIGQUIT}) ::sigaddset(&usual, each);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawnp(&started, words.front(), nullptr, &attributes, words.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

int run_trace(const trace_options& options) {
  namespace files = std::filesystem;
  std::error_code error;
  const files::path file = files::absolute(options.out, error);  // the program may go elsewhere
  if (error) return complain(options.out, error.message(), 1);
  if (files::is_directory(file, error)) return complain(options.out, "is a directory; name a file with --out", 1);
  if (!files::is_directory(file.parent_path(), error)) return complain(options.out, "its directory does not exist", 1);
  files::remove(file, error);  // what is there afterwards is this run's
  if (error) return complain(options.out, error.message(), 1);
  if (::setenv("TREADLE_TRACE", file.c_str(), 1) != 0) return complain(options.out, "no memory", 1);

  for (const int each : {SIGINT, SIGQUIT}) std::signal(each, SIG_IGN);
  pid_t started = 0;
  if (const int failed = start(options.command, started); failed != 0) {
    return complain(options.command.front(), std::generic_category().message(failed), could_not_run);
  }
  child = started;
  for (const int each : {SIGTERM, SIGHUP}) std::signal(each, &pass_on);
  int status = 0;
  while (::waitpid(started, &status, 0) < 0) {
    if (errno != EINTR) return complain(options.command.front(), std::generic_category().message(errno), 1);
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
