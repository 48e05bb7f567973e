#include "web.hpp"

#include "../workload/contender.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace load {

namespace {

[[noreturn]] void give_up(const std::string& why) { throw std::runtime_error(why); }

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

/// One that nobody listens on now; nginx cannot be asked which it took.
std::uint16_t free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at = loopback(0);
  socklen_t bytes = sizeof at;
  const bool is_bound = bind(probe, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 &&
                        getsockname(probe, reinterpret_cast<sockaddr*>(&at), &bytes) == 0;
  close(probe);
  if (!is_bound) give_up("no free port on the loopback");
  return ntohs(at.sin_port);
}

pid_t start(const std::vector<std::string>& command, int processor, const std::string& output) {
  const pid_t child = fork();
  if (child < 0) give_up("cannot fork");
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (processor >= 0) bench::pin_to(static_cast<std::size_t>(processor));
  const int sink = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(sink, STDOUT_FILENO);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  std::_Exit(127);
}

void make_certificate(const std::filesystem::path& folder) {
  const run_costs made = run_to_end(
      {"sh", "-c",
       "exec openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout \"$0/key.pem\""
       " -out \"$0/certificate.pem\" -days 2 -subj /CN=localhost"
       " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>\"$0/openssl.log\"",
       folder},
      -1);
  if (made.status == 127) throw not_here("no openssl command");
  if (made.status != 0) give_up("openssl makes no certificate");
}

double ns(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_usec) * 1e3;
}

}  // namespace

scratch_folder::scratch_folder(place where) {
  const std::filesystem::path memory = "/dev/shm";
  const bool has_memory = where == place::memory && access(memory.c_str(), W_OK) == 0 &&
                          std::filesystem::space(memory).available > 1u << 30;
  std::string pattern = (has_memory ? memory : std::filesystem::temp_directory_path()) / "treadle_bench_web_XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) give_up("cannot make the folder " + pattern);
  path_ = pattern;
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

web_server::web_server(const std::filesystem::path& folder, bool has_tls, const std::string& locations, int processor)
    : folder_(folder / "nginx"), has_tls_(has_tls), port_(free_port()) {
  std::filesystem::create_directories(folder_ / "temp");
  if (has_tls) make_certificate(folder_);
  std::ofstream out(folder_ / "nginx.conf");
  // As one process, so that its end is ours to see. Its log says how many connections are open.
  out << "daemon off;\nmaster_process off;\npid pid;\nworker_rlimit_nofile 4096;\n"
         "events { worker_connections 2048; }\nhttp {\n"
         "log_format seen '$status $connections_active';\naccess_log log seen buffer=256k;\n";
  for (const char* each : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) out << each << "_temp_path temp;\n";
  out << "default_type application/octet-stream;\nsendfile on;\ntcp_nopush on;\nkeepalive_requests 1000000000;\n"
         "keepalive_timeout 60s;\nopen_file_cache max=1000;\nssl_session_cache shared:tls:1m;\n"
         "server {\nlisten 127.0.0.1:"
      << port_ << " backlog=1024"
      << (has_tls ? " ssl;\nssl_certificate certificate.pem;\nssl_certificate_key key.pem" : "") << ";\n"
      << locations << "}\n}\n";
  out.close();
  // Not everybody's path leads to where it is.
  const char* const command = "PATH=$PATH:/usr/sbin exec nginx -p \"$0\" -e \"$0/error.log\" -c nginx.conf";
  process_ = start({"sh", "-c", command, folder_}, processor, "/dev/null");
  for (int tries = 0; !listens(); ++tries) {
    int status = 0;
    if (waitpid(process_, &status, WNOHANG) == process_) {
      process_ = 0;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 127) throw not_here("no nginx");
      give_up("nginx does not start");
    }
    if (tries == 1000) {
      stop();
      give_up("nginx does not listen");
    }
    bench::sleep_ns(10'000'000);
  }
}

web_server::~web_server() {
  if (process_ > 0) stop();
}

bool web_server::listens() const {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in at = loopback(port_);
  const bool is_there = connect(probe, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  close(probe);
  return is_there;
}

std::string web_server::origin() const {
  return std::string(has_tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(port_);
}

web_seen web_server::stop() {
  kill(process_, SIGTERM);
  waitpid(process_, nullptr, 0);
  process_ = 0;
  web_seen all;
  std::ifstream log(folder_ / "log");
  for (std::uint64_t status = 0, connections = 0; log >> status >> connections;) {
    if (status == 200) ++all.answers;
    all.most_connections = std::max(all.most_connections, connections);
  }
  return all;
}

run_costs run_to_end(const std::vector<std::string>& command, int processor, const std::filesystem::path& output) {
  const std::uint64_t begin = bench::wall_ns();
  const pid_t child = start(command, processor, output);
  int status = 0;
  rusage used{};
  wait4(child, &status, 0, &used);
  run_costs all;
  all.wall_ns = static_cast<double>(bench::wall_ns() - begin);
  all.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  all.cpu_ns = ns(used.ru_utime) + ns(used.ru_stime);
  all.peak_kib = static_cast<double>(used.ru_maxrss);
  if (output != "/dev/null") {
    std::ifstream written(output);
    all.output.assign(std::istreambuf_iterator<char>(written), {});
  }
  return all;
}

}  // namespace load
