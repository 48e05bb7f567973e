#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace treadle::test {
namespace {

using coro::sync_wait;
using io::file;
using io::open_mode;
using namespace std::chrono_literals;

/// A folder of its own for each test, gone with it.
class folder {
 public:
  folder() {
    std::string name = (std::filesystem::temp_directory_path() / "treadle_file_test_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    name_ = name;
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { std::filesystem::remove_all(name_); }
  [[nodiscard]] std::string at(const char* name) const { return name_ + "/" + name; }

 private:
  std::string name_;
};

class files : public with_workers {
 protected:
  thread_pool pool{config()};
  folder here;
};
INSTANTIATE_TEST_SUITE_P(widths, files, worker_counts(), worker_count_name);

constexpr open_mode fresh = open_mode::read | open_mode::write | open_mode::create | open_mode::truncate;

std::vector<std::byte> some_bytes(std::size_t count) {
  std::vector<std::byte> made(count);
  for (std::size_t i = 0; i < count; ++i) made[i] = static_cast<std::byte>(i * 31 + i / 256);
  return made;
}
std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

coro::task<> writes_and_reads(std::string path, std::size_t bytes) {
  auto written = (co_await file::open(path, fresh)).value();
  const auto sent = some_bytes(bytes);
  (co_await written.write_at(0, sent)).value();
  (co_await written.sync()).value();
  EXPECT_EQ((co_await written.size()).value(), bytes);
  std::vector<std::byte> got(bytes + 100);
  EXPECT_EQ((co_await written.read_at(0, got)).value(), bytes);
  got.resize(bytes);
  EXPECT_TRUE(got == sent);
  EXPECT_TRUE((co_await written.read_all()).value() == sent);
  EXPECT_EQ((co_await written.read_all(bytes)).value().size(), bytes);
  if (bytes == 0) co_return;
  EXPECT_EQ((co_await written.read_all(bytes - 1)).error(), std::errc::file_too_large);
  std::vector<std::byte> last(10);
  EXPECT_EQ((co_await written.read_at(bytes - 1, last)).value(), 1u);
  EXPECT_EQ(last[0], sent.back());
  EXPECT_EQ((co_await written.read_at(bytes, last)).value(), 0u);
}

TEST_P(files, keep_what_is_written) {
  for (const std::size_t bytes : {0u, 1u, 4096u, 3'000'001u}) {
    sync_wait(pool, writes_and_reads(here.at("kept"), bytes));
  }
}

TEST_P(files, are_opened_as_asked) {
  sync_wait(pool, [](folder& in) -> coro::task<> {
    const std::string path = in.at("opened");
    EXPECT_EQ((co_await file::open(path)).error(), std::errc::no_such_file_or_directory);
    auto first = (co_await file::open(path, open_mode::write | open_mode::create, 0600)).value();
    EXPECT_EQ((co_await first.status()).value().permissions, 0600u);
    EXPECT_EQ((co_await file::open(path, open_mode::write | open_mode::create | open_mode::exclusive)).error(),
              std::errc::file_exists);
    (co_await first.write_at(3, bytes_of("abc"))).value();
    std::vector<std::byte> room(1);
    EXPECT_EQ((co_await first.read_at(0, room)).error(), std::errc::bad_file_descriptor);
    auto reads = (co_await file::open(path)).value();
    EXPECT_EQ((co_await reads.write_at(0, bytes_of("x"))).error(), std::errc::bad_file_descriptor);
    EXPECT_EQ(text_of((co_await reads.read_all()).value()), std::string("\0\0\0abc", 6));
    auto appends = (co_await file::open(path, open_mode::append)).value();
    (co_await appends.write_at(0, bytes_of("def"))).value();
    EXPECT_EQ(text_of((co_await reads.read_all()).value()), std::string("\0\0\0abcdef", 9));
    (co_await first.resize(4)).value();
    EXPECT_EQ((co_await reads.size()).value(), 4u);
    const auto emptied = (co_await file::open(path, open_mode::write | open_mode::truncate)).value();
    EXPECT_EQ((co_await reads.size()).value(), 0u);
    EXPECT_EQ((co_await file::open(path + std::string("\0", 1))).error(), std::errc::invalid_argument);
    file moved = std::move(reads);
    EXPECT_FALSE(reads);
    reads = std::move(moved);
    EXPECT_TRUE(reads);
  }(here));
}

/// Where the size is not known before.
TEST_P(files, of_the_system_are_read_to_their_end) {
  sync_wait(pool, []() -> coro::task<> {
    auto opened = (co_await file::open("/proc/self/status")).value();
    const std::string all = text_of((co_await opened.read_all()).value());
    EXPECT_NE(all.find("Name:"), std::string::npos);
    EXPECT_EQ(all.back(), '\n');
    EXPECT_EQ((co_await opened.read_all(10)).error(), std::errc::file_too_large);
  }());
}

TEST_P(files, have_names) {
  sync_wait(pool, [](folder& in) -> coro::task<> {
    const std::string old_name = in.at("old"), new_name = in.at("new"), inside = in.at("inside");
    const auto before = std::chrono::system_clock::now() - 2s;
    auto made = (co_await file::open(old_name, fresh)).value();
    (co_await made.write_at(0, bytes_of("12345"))).value();
    const auto status = (co_await io::stat(old_name)).value();
    EXPECT_EQ(status.what, io::file_status::kind::regular);
    EXPECT_EQ(status.bytes, 5u);
    EXPECT_GT(status.modified, before);
    (co_await io::rename(old_name, new_name)).value();
    EXPECT_EQ((co_await io::stat(old_name)).error(), std::errc::no_such_file_or_directory);
    EXPECT_TRUE((co_await io::stat(new_name)).value().is_same_file((co_await made.status()).value()));
    (co_await io::mkdir(inside)).value();
    EXPECT_EQ((co_await io::stat(inside)).value().what, io::file_status::kind::directory);
    EXPECT_EQ((co_await io::mkdir(inside)).error(), std::errc::file_exists);
    (co_await io::unlink(new_name)).value();
    EXPECT_EQ((co_await io::unlink(new_name)).error(), std::errc::no_such_file_or_directory);
    EXPECT_EQ((co_await io::rename(new_name, old_name)).error(), std::errc::no_such_file_or_directory);
    for (const auto& refused : {co_await io::unlink(std::string("a\0b", 3)), co_await io::mkdir(std::string("a\0b", 3)),
                                co_await io::rename("a", std::string("a\0b", 3))}) {
      EXPECT_EQ(refused.error(), std::errc::invalid_argument);
    }
  }(here));
}

TEST_P(files, are_left_alone_after_a_stop) {
  gate opened;
  auto asked = coro::spawn(pool, [](folder& in, gate& is_open) -> coro::task<> {
    auto made = (co_await file::open(in.at("stopped"), fresh)).value();
    is_open.open();
    coro::event never;
    try {
      co_await never.wait();
    } catch (const std::system_error& asked_to) {
      EXPECT_EQ(asked_to.code(), make_error_code(errc::cancelled));
    }
    std::vector<std::byte> room(1);
    EXPECT_EQ((co_await made.read_at(0, room)).error(), make_error_code(errc::cancelled));
    EXPECT_EQ((co_await made.write_at(0, room)).error(), make_error_code(errc::cancelled));
    EXPECT_EQ((co_await made.sync()).error(), make_error_code(errc::cancelled));
    EXPECT_EQ((co_await io::unlink(in.at("stopped"))).error(), make_error_code(errc::cancelled));
  }(here, opened));
  opened.pass();
  asked.request_stop();
  asked.wait();
  EXPECT_TRUE(std::filesystem::exists(here.at("stopped")));
}

/// Many at a time, on as few workers as there are.
TEST_P(files, are_written_side_by_side) {
  sync_wait(pool, [](thread_pool& runs_on, folder& in) -> coro::task<> {
    coro::async_scope all(runs_on);
    for (std::size_t i = 0; i < smaller_if_slow(100); ++i) {
      all.spawn(writes_and_reads(in.at(std::to_string(i).c_str()), i * 100));
    }
    co_await all.join();
  }(pool, here));
}

}  // namespace
}  // namespace treadle::test
