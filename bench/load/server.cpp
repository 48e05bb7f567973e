#include "server.hpp"

#include "../workload/contender.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace load {

namespace {

[[noreturn]] void become(const std::vector<std::string>& command, int processor, int output) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (processor != server::anywhere) bench::pin_to(static_cast<std::size_t>(processor));
  dup2(output, STDOUT_FILENO);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execv(words[0], words.data());
  std::perror(words[0]);
  std::_Exit(127);
}

/// Reads the line `port N`; 0 if there is none.
std::uint16_t read_port(int from) {
  std::string text;
  char letter = 0;
  while (read(from, &letter, 1) == 1 && letter != '\n') text += letter;
  return text.starts_with("port ") ? static_cast<std::uint16_t>(std::strtoul(text.c_str() + 5, nullptr, 10)) : 0;
}

}  // namespace

server::server(const std::vector<std::string>& command, int processor) {
  int ends[2];
  if (command.empty() || pipe(ends) != 0) std::_Exit(2);
  process_ = fork();
  if (process_ < 0) std::_Exit(2);
  if (process_ == 0) become(command, processor, ends[1]);
  close(ends[1]);
  port_ = read_port(ends[0]);
  close(ends[0]);
  if (port_ == 0) {
    int status = 0;
    waitpid(process_, &status, 0);
    std::_Exit(WIFEXITED(status) && WEXITSTATUS(status) == bench::not_offered ? bench::not_offered : 2);
  }
  if (clock_getcpuclockid(process_, &clock_) != 0) std::_Exit(2);
}

server::~server() {
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

double server::cpu_ns() const noexcept { return static_cast<double>(bench::read_clock(clock_)); }

server_costs server::costs() const {
  server_costs sum;
  sum.cpu_ns = cpu_ns();
  const std::filesystem::path proc = "/proc/" + std::to_string(process_);
  std::ifstream stat(proc / "stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 3; i <= 14 && fields >> field; ++i) {
    if (i == 14) sum.user_ns = std::strtod(field.c_str(), nullptr) * 1e9 / static_cast<double>(sysconf(_SC_CLK_TCK));
  }
  for (const auto& thread : std::filesystem::directory_iterator(proc / "task")) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      const std::size_t colon = line.find("ctxt_switches:");
      if (colon != line.npos) sum.switches += std::strtod(line.c_str() + colon + 14, nullptr);
      if (line.starts_with("RssAnon:")) sum.memory_bytes = std::strtod(line.c_str() + 8, nullptr) * 1024;
    }
  }
  return sum;
}

}  // namespace load
