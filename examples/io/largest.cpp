// The largest files below a directory: one coroutine walks the tree, others ask for sizes, at most 32 at a time.
// Usage: largest [DIRECTORY [COUNT]]. Without arguments it looks below the working directory.
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

using treadle::coro::task;
namespace io = treadle::io;

struct sized_file {
  std::uint64_t bytes;
  std::string path;
};

/// The largest so far, and what could not be read.
struct summary {
  explicit summary(std::size_t most) : most_files(most) {}

  void add(sized_file found) {
    const auto larger = [](const sized_file& one, const sized_file& other) { return one.bytes > other.bytes; };
    largest.insert(std::upper_bound(largest.begin(), largest.end(), found, larger), std::move(found));
    if (largest.size() > most_files) largest.pop_back();
    ++files;
  }
  void complain(const std::string& path, const std::error_code& why) {
    std::fprintf(stderr, "largest: %s: %s\n", path.c_str(), why.message().c_str());
    ++failures;
  }

  const std::size_t most_files;
  treadle::coro::mutex lock;  // of what follows
  std::vector<sized_file> largest;
  std::size_t files = 0, failures = 0;
};

task<> measure(summary& into, std::string path, io::limiter::permit) {
  const auto found = co_await io::stat(path);
  const auto guard = co_await into.lock.lock();
  if (found) {
    into.add({found->bytes, std::move(path)});
  } else {
    into.complain(path, found.error());
  }
}

task<> look(treadle::thread_pool& pool, std::string root, summary& into) {
  io::walk tree(root);
  io::limiter at_a_time(32);  // outlives the scope, whose tasks have its permits
  treadle::coro::async_scope measuring(pool);
  for (;;) {
    auto next = co_await tree.next();
    if (!next || !*next) {
      if (!next) into.complain(root, next.error());
      break;
    }
    io::walk_entry& found = **next;
    if (found.error) {
      const auto guard = co_await into.lock.lock();
      into.complain(found.path, found.error);
    } else if (found.what == io::directory_entry::kind::regular) {
      io::limiter::permit allowed = co_await at_a_time.acquire();
      measuring.spawn(measure(into, std::move(found.path), std::move(allowed)));
    }
  }
  co_await measuring.join();
}

int main(int count, char** arguments) {
  treadle::thread_pool pool;
  const std::string root = count > 1 ? arguments[1] : ".";
  summary found(count > 2 ? std::strtoul(arguments[2], nullptr, 10) : 5);
  treadle::coro::sync_wait(pool, look(pool, root, found));
  for (const sized_file& each : found.largest) {
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(each.bytes), each.path.c_str());
  }
  std::printf("%zu files\n", found.files);
  return found.failures == 0 ? 0 : 1;
}
