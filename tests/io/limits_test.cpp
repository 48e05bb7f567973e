#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>
#include <system_error>
#include <vector>

// What becomes of sockets when there are no more file descriptors.

namespace treadle::test {
namespace {

using coro::sync_wait;

/// No descriptor can be had while it lives.
class no_more_files {
 public:
  no_more_files() {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int lowest_free = dup(0);
    EXPECT_GE(lowest_free, 0);
    close(lowest_free);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  ~no_more_files() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
  no_more_files(const no_more_files&) = delete;
  no_more_files& operator=(const no_more_files&) = delete;

 private:
  rlimit before_{};
};

// While there are no more files nothing is compared: to look at a vtable for the first time the undefined-behaviour
// sanitizer opens a pipe, and without one it takes the object for none.

/// What `adopt` does not take over stays as it was: whoever owns it may still want to block.
TEST(io_limits, leave_a_descriptor_that_is_not_adopted_as_it_was) {
  thread_pool pool(pool_config{.max_threads = 1});
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  {
    // A driver comes and goes, for its vtable.
    thread_pool other(pool_config{.max_threads = 1});
    EXPECT_TRUE(io::descriptor::adopt(other, dup(ends[1])).has_value());
  }
  std::error_code refused;
  {
    const no_more_files limit;
    refused = io::descriptor::adopt(pool, ends[0]).error();
  }
  EXPECT_EQ(refused, std::errc::too_many_files_open);
  EXPECT_EQ(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
  EXPECT_TRUE(io::descriptor::adopt(pool, ends[0]).has_value());  // closes it
  close(ends[1]);
}

/// Accepting fails, the connection stays, and the next try gets it.
TEST(io_limits, lose_no_connection) {
  thread_pool pool(pool_config{.max_threads = 1});
  const std::string name = "@treadle_limits_" + std::to_string(getpid());
  auto at = io::listener::listen(pool, io::address::local(name.c_str()).value()).value();
  auto near = sync_wait(pool, io::stream::connect(pool, at.local_address().value())).value();
  std::vector<std::error_code> refused(6);
  {
    const no_more_files limit;
    for (std::size_t i = 0; i < refused.size(); i += 2) {
      refused[i] = sync_wait(pool, at.accept()).error();
      refused[i + 1] = sync_wait(pool, io::stream::connect(pool, at.local_address().value())).error();
    }
  }
  for (const std::error_code& each : refused) EXPECT_EQ(each, std::errc::too_many_files_open);
  auto far = sync_wait(pool, at.accept()).value();
  std::array<std::byte, 3> room{};
  EXPECT_EQ(sync_wait(pool, near.send(room)).value(), room.size());
  EXPECT_EQ(sync_wait(pool, far.recv_all(room)).value(), room.size());
}

}  // namespace
}  // namespace treadle::test
