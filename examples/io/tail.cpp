// Shows what is added to many files, as `tail -f` does; one that is replaced is read anew, one that is cut off from its
// beginning. Usage: tail FILE... Without arguments it follows some files that it writes itself.
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace {

using treadle::coro::task;
namespace io = treadle::io;

/// Gets what is new, of one file at a time.
using listener = std::function<void(const std::string& path, std::span<const std::byte> added)>;

task<> follow(std::string path, bool from_beginning, const listener& tell) {
  io::file opened;
  io::file_status known;
  std::uint64_t offset = 0;
  std::vector<std::byte> room(64 * 1024);
  auto looks = treadle::coro::every(std::chrono::milliseconds(50));
  for (bool is_first = true;; is_first = false) {
    const auto there = co_await io::stat(path);
    if (there && (!opened || !there->is_same_file(known))) {
      if (auto again = co_await io::file::open(path)) {
        opened = *std::move(again);
        known = (co_await opened.status()).value();
        offset = is_first && !from_beginning ? known.bytes : 0;
      }
    }
    if (opened) {
      if ((co_await opened.size()).value() < offset) offset = 0;
      while (const std::size_t got = (co_await opened.read_at(offset, room)).value()) {
        tell(path, std::span(room).first(got));
        offset += got;
      }
    }
    co_await looks.next();
  }
}

task<> follow_all(treadle::thread_pool& pool, const std::vector<std::string>& paths, bool from_beginning,
                  const listener& tell) {
  treadle::coro::async_scope all(pool);
  for (const std::string& each : paths) all.spawn(follow(each, from_beginning, tell));
  co_await all.join();
}

// ---- the trial -----------------------------------------------------------------------------------------------------

constexpr int files = 20, lines = 10;

task<> writes(std::string path) {
  for (int i = 0; i < lines; ++i) {
    auto opened = (co_await io::file::open(path, io::open_mode::append | io::open_mode::create)).value();
    const std::string text = "line " + std::to_string(i) + "\n";
    (co_await opened.write_at(0, std::as_bytes(std::span(text)))).value();
    co_await treadle::coro::sleep_for(std::chrono::milliseconds(7));
  }
}

task<> sees_all(treadle::thread_pool& pool, std::vector<std::string> paths, treadle::coro::event& all_seen,
                const listener& tell) {
  auto following = treadle::coro::spawn(pool, follow_all(pool, paths, true, tell));
  treadle::coro::async_scope writing(pool);
  for (const std::string& each : paths) writing.spawn(writes(each));
  co_await writing.join();
  co_await all_seen.wait();
  following.request_stop();
  try {
    co_await following;
  } catch (const std::system_error& stopped) {
    if (stopped.code() != treadle::errc::cancelled) throw;
  }
}

int trial(treadle::thread_pool& pool) {
  namespace fs = std::filesystem;
  const fs::path folder =
      fs::temp_directory_path() / ("treadle_tail_" + std::to_string(reinterpret_cast<std::uintptr_t>(&pool)));
  fs::remove_all(folder);
  fs::create_directory(folder);
  std::vector<std::string> paths;
  for (int i = 0; i < files; ++i) paths.push_back(folder / std::to_string(i));
  std::atomic<std::size_t> bytes{0};
  treadle::coro::event all_seen;
  treadle::coro::sync_wait(pool,
                           sees_all(pool, paths, all_seen, [&](const std::string&, std::span<const std::byte> added) {
                             const std::size_t all = bytes.fetch_add(added.size()) + added.size();
                             if (all == std::size_t{files} * lines * 7) all_seen.set();
                           }));
  fs::remove_all(folder);
  std::printf("%d files, %zu bytes seen\n", files, bytes.load());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  treadle::thread_pool pool;
  if (count == 1) return trial(pool);
  const std::vector<std::string> paths(arguments + 1, arguments + count);
  treadle::coro::sync_wait(
      pool, follow_all(pool, paths, false, [](const std::string& path, std::span<const std::byte> added) {
        std::printf("==> %s <==\n%.*s", path.c_str(), static_cast<int>(added.size()),
                    reinterpret_cast<const char*>(added.data()));
        std::fflush(stdout);
      }));
}
