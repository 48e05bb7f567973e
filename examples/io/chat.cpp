// A chat room: each line that somebody says goes to everybody. A coroutine a client reads, another writes, one for all
// is the host; between them are channels. Whoever does not keep up with the talk is shown the door, and delays nobody.
// Usage: chat ADDRESS, then connect by `nc`. Without arguments it fills a room with clients of its own.
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

namespace {

using treadle::coro::task;
namespace io = treadle::io;

/// What is said is kept once, however many hear it.
using line = std::shared_ptr<const std::string>;

struct member {
  treadle::coro::channel<line> mail{1000};
  bool has_left = false;
};

/// What the room is told: somebody comes, or somebody has said something.
struct message {
  std::shared_ptr<member> newcomer;
  line said;
};
using room = treadle::coro::channel<message>;

/// Gives each line to everybody, so that all hear the same in the same order, and waits for nobody.
task<> host(room& of) {
  std::vector<std::shared_ptr<member>> inside;
  while (auto next = co_await of.receive()) {
    if (next->newcomer) {
      inside.push_back(std::move(next->newcomer));
      continue;
    }
    std::erase_if(inside, [&](const auto& each) {
      line copy = next->said;
      if (each->mail.try_send(copy)) return false;
      each->mail.close();
      return true;
    });
  }
}

/// Reads line after line.
class line_reader {
 public:
  explicit line_reader(io::stream& from) noexcept : from_(&from) {}
  /// Gives the next line with its end; an empty one at the end of the stream.
  task<std::string> next() {
    for (;;) {
      if (const std::size_t end = rest_.find('\n'); end != std::string::npos) {
        std::string found = rest_.substr(0, end + 1);
        rest_.erase(0, end + 1);
        co_return found;
      }
      std::array<char, 1024> space;
      const std::size_t got = (co_await from_->recv(std::as_writable_bytes(std::span(space)))).value();
      if (got == 0 || rest_.size() > 10'000) co_return std::string();
      rest_.append(space.data(), got);
    }
  }

 private:
  io::stream* from_;
  std::string rest_;
};

task<> listens(room& in, io::stream& client, member& own) {
  line_reader lines(client);
  for (std::string said = co_await lines.next(); !said.empty(); said = co_await lines.next()) {
    message told{nullptr, std::make_shared<const std::string>(std::move(said))};
    co_await in.send(std::move(told));
  }
  own.has_left = true;
  own.mail.close();
}

task<> tells(io::stream& client, member& own) {
  while (const auto heard = co_await own.mail.receive()) {
    (co_await client.send_all(std::as_bytes(std::span(**heard)))).value();
  }
  client.shutdown().value();
  if (!own.has_left) throw std::system_error(std::make_error_code(std::errc::timed_out), "too slow for this room");
}

task<> serve_one(room& in, io::stream client) {
  const auto own = std::make_shared<member>();
  try {
    message comes{own, nullptr};
    co_await in.send(std::move(comes));
    co_await treadle::coro::when_all(listens(in, client, *own), tells(client, *own));
  } catch (const std::system_error& gone) {
    if (gone.code() != treadle::errc::cancelled) std::fprintf(stderr, "chat: %s\n", gone.what());
  }
  own->mail.close();  // the host sees it
}

task<> serve(treadle::thread_pool& pool, io::listener& at) {
  room in(100);
  treadle::coro::async_scope clients(pool);
  clients.spawn(host(in));
  try {
    for (;;) clients.spawn(serve_one(in, (co_await at.accept()).value()));
  } catch (const std::system_error& ended) {
    if (ended.code() != treadle::errc::cancelled) std::fprintf(stderr, "chat: %s\n", ended.what());
  }
  clients.request_stop();
  co_await clients.join();
}

// ---- the trial -----------------------------------------------------------------------------------------------------

constexpr int guests = 10, lines_each = 20;

/// Says its lines once all are there, and counts what it hears.
task<> guest(treadle::thread_pool& pool, io::address server, int number, treadle::coro::latch& all_there,
             std::vector<std::string>& heard) {
  auto peer = (co_await io::stream::connect(pool, server)).value();
  line_reader lines(peer);
  const auto say = [&](const std::string& text) { return peer.send_all(std::as_bytes(std::span(text))); };
  // Whoever hears itself is in the room.
  const std::string hello = "hello from " + std::to_string(number) + "\n";
  (co_await say(hello)).value();
  while (co_await lines.next() != hello) {
  }
  all_there.count_down();
  co_await all_there.wait();
  for (int i = 0; i < lines_each; ++i) {
    const std::string said = std::to_string(number) + " says " + std::to_string(i) + "\n";
    (co_await say(said)).value();
  }
  while (heard.size() < std::size_t{guests} * lines_each) {
    std::string next = co_await lines.next();
    if (next.empty()) co_return;
    if (next.find("says") != std::string::npos) heard.push_back(std::move(next));
  }
}

task<bool> trial(treadle::thread_pool& pool) {
  auto at = io::listener::listen(pool, io::address::loopback(0)).value();
  const auto here = at.local_address().value();
  auto serving = treadle::coro::spawn(pool, serve(pool, at));
  treadle::coro::latch all_there(guests);
  std::vector<std::vector<std::string>> heard(guests);
  treadle::coro::async_scope all(pool);
  for (int i = 0; i < guests; ++i) {
    all.spawn(guest(pool, here, i, all_there, heard[static_cast<std::size_t>(i)]));
  }
  co_await all.join();
  serving.request_stop();
  co_await serving;
  std::printf("%d guests heard %zu lines each\n", guests, heard.front().size());
  co_return heard.front().size() ==
      std::size_t{guests} *
          lines_each&& std::all_of(heard.begin(), heard.end(), [&](const auto& each) { return each == heard.front(); });
}

}  // namespace

int main(int count, char** arguments) {
  treadle::thread_pool pool;
  if (count == 1) return treadle::coro::sync_wait(pool, trial(pool)) ? 0 : 1;
  const auto where = io::address::parse(arguments[1]);
  if (!where) {
    std::fprintf(stderr, "usage: chat ADDRESS, like 127.0.0.1:7000\n");
    return 2;
  }
  auto at = io::listener::listen(pool, *where);
  if (!at) {
    std::fprintf(stderr, "chat: %s: %s\n", arguments[1], at.error().message().c_str());
    return 1;
  }
  treadle::coro::sync_wait(pool, serve(pool, *at));
}
