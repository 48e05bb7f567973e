#include "treadle_io.hpp"

#include "serving.hpp"

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <unistd.h>

#include <array>
#include <cstddef>
#include <span>
#include <utility>

namespace {

using treadle::coro::task;
using treadle::io::stream;

using answering = task<> (*)(stream);

task<> answer_all(stream peer) {
  std::array<std::byte, bench::room_bytes> room;
  for (;;) {
    const auto got = co_await peer.recv(room);
    if (!got || *got == 0) co_return;
    if (!co_await peer.send_all(std::span(room).first(*got))) co_return;
  }
}

task<bool> answer_once(stream& peer) {
  std::array<std::byte, bench::room_bytes> room;
  const auto got = co_await peer.recv(room);
  if (!got || *got == 0) co_return false;
  co_return static_cast<bool>(co_await peer.send_all(std::span(room).first(*got)));
}

/// Has room only while there is something to answer.
task<> answer_rarely(stream peer) {
  while (co_await peer.socket().readable()) {
    // Named because of GCC 12: see docs/guide/coroutines.md.
    const bool answered = co_await answer_once(peer);
    if (!answered) co_return;
  }
}

task<> serve(treadle::thread_pool& pool, answering answer) {
  auto listens = treadle::io::listener::listen(pool, treadle::io::address::loopback(0)).value();
  bench::announce(listens.local_address().value().port());
  for (;;) treadle::coro::spawn(pool, answer((co_await listens.accept()).value())).detach();
}

void serve_echo(const bench::request& asked, bench::answer&) {
  treadle::thread_pool pool({.max_threads = asked.workers()});
  const auto serving =
      treadle::coro::spawn(pool, serve(pool, asked.text("room", "kept") == "kept" ? &answer_all : &answer_rarely));
  for (;;) pause();  // who waits for a task looks now and then whether the pool still has a thread
}

void serve_and_compute(const bench::request& asked, bench::answer&) {
  treadle::thread_pool pool({.max_threads = asked.workers()});
  const auto serving = treadle::coro::spawn(pool, serve(pool, &answer_all));
  const bool gives_way = asked.text("mode", "") == "at_once";
  bench::feed(asked, [&] {
    const std::error_code refused = pool.post([gives_way] {
      if (gives_way) {
        bench::compute([] { treadle::run_ready(); });
      } else {
        bench::compute();
      }
    });
    if (refused) std::abort();
  });
}

constexpr bench::entry servers[] = {{"echo_server", serve_echo}, {"bound_server", serve_and_compute}};

}  // namespace

int main(int argc, char** argv) {
  bench::serve_any(argc, argv,
                   {servers, bench::treadle_coroutine_rows(), bench::treadle_timer_rows(), bench::treadle_read_rows()});
}
