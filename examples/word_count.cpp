// Counts words in a pipeline: one coroutine reads lines, several split and count them, one adds up. Channels in between
// hold a few lines only, so a fast reader waits for slow counters, and no thread waits for anybody.
#include <treadle/coro.hpp>
#include <treadle/thread_pool.hpp>

#include <cstddef>
#include <fstream>
#include <iostream>
#include <istream>
#include <map>
#include <sstream>
#include <string>
#include <utility>

namespace coro = treadle::coro;

namespace {

using counts = std::map<std::string, std::size_t>;

coro::generator<std::string> lines_of(std::istream& text) {
  for (std::string line; std::getline(text, line);) co_yield line;
}

coro::task<> read(std::istream& text, coro::channel<std::string>& lines) {
  for (std::string& line : lines_of(text)) co_await lines.send(std::move(line));
  lines.close();
}

coro::task<> count(coro::channel<std::string>& lines, coro::channel<counts>& partial) {
  counts mine;
  while (const auto line = co_await lines.receive()) {
    std::istringstream words(*line);
    for (std::string word; words >> word;) ++mine[word];
  }
  co_await partial.send(std::move(mine));
}

coro::task<counts> count_words(treadle::thread_pool& pool, std::istream& text) {
  constexpr std::size_t counters = 4;
  coro::channel<std::string> lines(16);
  coro::channel<counts> partial(counters);
  coro::async_scope scope(pool);
  scope.spawn(read(text, lines));
  for (std::size_t i = 0; i < counters; ++i) scope.spawn(count(lines, partial));
  co_await scope.join();
  counts all;
  while (const auto part = partial.try_receive()) {
    for (const auto& [word, times] : *part) all[word] += times;
  }
  co_return all;
}

}  // namespace

int main(int argc, char** argv) {
  std::istringstream sample("to be or not to be\nthat is the question\n");
  std::ifstream file;
  if (argc > 1) {
    file.open(argv[1]);
    if (!file) {
      std::cerr << "cannot read " << argv[1] << '\n';
      return 1;
    }
  }
  treadle::thread_pool pool;
  std::istream& text = argc > 1 ? static_cast<std::istream&>(file) : sample;
  for (const auto& [word, times] : coro::sync_wait(pool, count_words(pool, text))) {
    std::cout << times << ' ' << word << '\n';
  }
}
