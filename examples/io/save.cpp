// Saves a file such that whoever reads it, also after a crash, finds the old text or the new one, never half of it.
// Usage: save PATH TEXT. Without arguments it tries itself in the temporary folder.
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace io = treadle::io;

treadle::coro::task<treadle::result<void>> save(std::string path, std::string text) {
  const std::string beside = path + ".new";
  {
    auto made = co_await io::file::open(beside, io::open_mode::write | io::open_mode::create | io::open_mode::truncate);
    if (!made) co_return made.error();
    if (auto written = co_await made->write_at(0, std::as_bytes(std::span(text))); !written) co_return written;
    if (auto synced = co_await made->sync(); !synced) co_return synced;
  }
  co_return co_await io::rename(beside, path);
}

treadle::coro::task<std::string> load(std::string path) {
  auto opened = (co_await io::file::open(path)).value();
  const std::vector<std::byte> all = (co_await opened.read_all()).value();
  co_return std::string(reinterpret_cast<const char*>(all.data()), all.size());
}

int main(int count, char** arguments) {
  treadle::thread_pool pool;
  const bool is_trial = count != 3;
  const std::string path = is_trial ? std::filesystem::temp_directory_path() / "treadle_save_example" : arguments[1];
  const std::string text = is_trial ? "all of it" : arguments[2];
  if (const auto saved = treadle::coro::sync_wait(pool, save(path, text)); !saved) {
    std::fprintf(stderr, "save: %s: %s\n", path.c_str(), saved.error().message().c_str());
    return 1;
  }
  const bool is_good = treadle::coro::sync_wait(pool, load(path)) == text;
  if (is_trial) std::filesystem::remove(path);
  return is_good ? 0 : 1;
}
