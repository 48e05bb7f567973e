#include <waiting.hpp>

#include <treadle/coro.hpp>
#include <treadle/http.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

// Certificates, with a server that the openssl command makes; skipped by name where there is none.

extern char** environ;

namespace treadle::test {
namespace {

using coro::sync_wait;

/// A program that runs, what it writes to be read; ended with this.
class child {
 public:
  explicit child(std::vector<std::string> words) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    std::vector<char*> argv;
    for (std::string& each : words) argv.push_back(each.data());
    argv.push_back(nullptr);
    if (posix_spawnp(&id_, argv[0], &actions, nullptr, argv.data(), environ) != 0) id_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_ = ends[0];
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() {
    if (id_ > 0) kill(id_, SIGKILL);
    static_cast<void>(status());
    if (output_ >= 0) close(output_);
  }

  /// Waits for its end. Returns its exit status, -1 if it did not run or was killed.
  int status() {
    int got = 0;
    if (id_ <= 0 || waitpid(std::exchange(id_, -1), &got, 0) < 0) return -1;
    return WIFEXITED(got) ? WEXITSTATUS(got) : -1;
  }
  /// Returns the line that begins with `start`, empty if the output ends before.
  std::string line(const std::string& start) {
    std::string read_so_far;
    char each = 0;
    while (output_ >= 0 && read(output_, &each, 1) == 1) {
      if (each != '\n') {
        read_so_far += each;
      } else if (read_so_far.compare(0, start.size(), start) == 0) {
        return read_so_far;
      } else {
        read_so_far.clear();
      }
    }
    return {};
  }

 private:
  pid_t id_ = -1;
  int output_ = -1;
};

class tls : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "treadle_tls_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    child makes({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", folder_ / "key.pem", "-out", certificate(), "-days", "2", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"});
    if (makes.status() != 0) GTEST_SKIP() << "no openssl command (Debian: openssl)";
    server_ = std::make_unique<child>(std::vector<std::string>{"openssl", "s_server", "-accept", "127.0.0.1:0", "-www",
                                                               "-key", folder_ / "key.pem", "-cert", certificate()});
    const std::string told = server_->line("ACCEPT");
    ASSERT_NE(told, "") << "openssl s_server does not say where it listens";
    port_ = told.substr(told.rfind(':') + 1);
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::string certificate() const { return folder_ / "certificate.pem"; }
  [[nodiscard]] std::string url(const std::string& host) const { return "https://" + host + ":" + port_ + "/"; }

  std::filesystem::path folder_;
  std::unique_ptr<child> server_;
  std::string port_;
};

TEST_F(tls, takes_a_certificate_that_it_is_told_to_trust) {
  thread_pool pool;
  http::client client(pool, {.ca_file = certificate()});
  for (int i = 0; i < 3; ++i) {
    http::failure why;
    const auto got = sync_wait(pool, client.get(url("127.0.0.1"), {.failure = &why}));
    ASSERT_TRUE(got) << why.message();
    EXPECT_EQ(got->status, 200);
    EXPECT_NE(got->body.find("TLS"), std::string::npos);
  }
}

TEST_F(tls, refuses_a_certificate_that_nobody_vouches_for) {
  thread_pool pool;
  http::client client(pool);
  http::failure why;
  EXPECT_EQ(sync_wait(pool, client.get(url("127.0.0.1"), {.failure = &why})).error(), http::errc::bad_certificate)
      << why.message();
  EXPECT_EQ(why.at, http::phase::connect);
  EXPECT_NE(why.detail, "");
  EXPECT_EQ(client.in_flight(), 0u);
}

TEST_F(tls, refuses_a_certificate_for_another_name) {
  thread_pool pool;
  const auto loopback = [](std::string, std::string port) -> coro::task<result<std::vector<io::address>>> {
    std::vector<io::address> found(1, io::address::loopback(static_cast<std::uint16_t>(std::stoi(port))));
    co_return found;
  };
  http::client client(pool, {.ca_file = certificate(), .resolver = loopback});
  EXPECT_TRUE(sync_wait(pool, client.get(url("localhost"))));
  EXPECT_EQ(sync_wait(pool, client.get(url("another.test"))).error(), http::errc::bad_certificate);
}

TEST_F(tls, says_that_there_is_no_such_file_of_certificates) {
  thread_pool pool;
  http::client client(pool, {.ca_file = "/no/such/file.pem"});
  EXPECT_EQ(sync_wait(pool, client.get(url("127.0.0.1"))).error(), http::errc::tls_failed);
}

}  // namespace
}  // namespace treadle::test
