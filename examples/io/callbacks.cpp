// The echo server without coroutines: operations that call back, with a deadline for who says nothing.
// Usage: callbacks [CLIENTS [MESSAGES]]
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace std::chrono_literals;
using treadle::io::operation;

std::atomic<int> open_connections{0};

/// Receives, sends back, receives; ends itself with the stream, by an error, or after a second without a message.
class connection : operation {
 public:
  static void serve(treadle::thread_pool& pool, treadle::io::stream peer) {
    auto made = std::make_unique<connection>(pool, std::move(peer));
    if (made->receive_next()) static_cast<void>(made.release());  // it owns itself from now on
  }
  connection(treadle::thread_pool& pool, treadle::io::stream peer)
      : operation(pool, [](operation& ended) noexcept { static_cast<connection&>(ended).went_on(); }),
        peer_(std::move(peer)) {
    ++open_connections;
  }
  ~connection() { --open_connections; }

 private:
  [[nodiscard]] bool receive_next() {
    sends_ = false;
    expires_after(1s);
    return !receive(peer_, room_);
  }
  [[nodiscard]] bool send_back() {
    sends_ = true;
    return !send_all(peer_, std::span(room_).first(bytes()));
  }
  void went_on() {
    const bool ends = error() || bytes() == 0;
    const bool goes_on = !ends && (sends_ ? receive_next() : send_back());
    if (!goes_on) delete this;
  }

  treadle::io::stream peer_;
  std::array<std::byte, 4096> room_;
  bool sends_ = false;
};

/// Accepts until it is told to stop.
class server : operation {
 public:
  server(treadle::thread_pool& pool, treadle::io::listener& at)
      : operation(pool, [](operation& ended) noexcept { static_cast<server&>(ended).accepted_one(); }),
        pool_(pool),
        at_(at) {
    if (accept(at_)) std::exit(1);
  }
  void stop() {
    stops_ = true;
    static_cast<void>(pool_.drain());  // a callback that has not seen it is through, and its accept is under way
    cancel();
    static_cast<void>(pool_.drain());
  }

 private:
  void accepted_one() {
    if (error()) return;
    connection::serve(pool_, accepted());
    if (!stops_ && accept(at_)) std::exit(1);
  }

  treadle::thread_pool& pool_;
  treadle::io::listener& at_;
  std::atomic<bool> stops_{false};
};

treadle::coro::task<> talk(treadle::thread_pool& pool, treadle::io::address server, int messages) {
  auto peer = (co_await treadle::io::stream::connect(pool, server)).value();
  const std::string said = "nobody waits in a coroutine there";
  std::string heard(said.size(), ' ');
  for (int i = 0; i < messages; ++i) {
    (co_await peer.send_all(std::as_bytes(std::span(said)))).value();
    (co_await peer.recv_all(std::as_writable_bytes(std::span(heard)))).value();
    if (heard != said) std::exit(1);
  }
}

treadle::coro::task<> talk_all(treadle::thread_pool& pool, treadle::io::address server, int clients, int messages) {
  treadle::coro::async_scope all(pool);
  for (int i = 0; i < clients; ++i) all.spawn(talk(pool, server, messages));
  co_await all.join();
}

}  // namespace

int main(int count, char** arguments) {
  const int clients = count > 1 ? std::atoi(arguments[1]) : 20;
  const int messages = count > 2 ? std::atoi(arguments[2]) : 100;
  treadle::thread_pool pool;
  auto at = treadle::io::listener::listen(pool, treadle::io::address::loopback(0)).value();
  server echo(pool, at);
  treadle::coro::sync_wait(pool, talk_all(pool, at.local_address().value(), clients, messages));
  echo.stop();
  while (open_connections != 0) std::this_thread::sleep_for(1ms);  // they see the end of their streams
  std::printf("%d clients, %d messages each\n", clients, messages);
}
