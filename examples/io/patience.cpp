// Three ways in which a wait ends before it has what it waits for: its time is over, somebody asks it to stop, its pool
// ends. Each is told apart by its error, and in each the operation is over when the answer arrives.
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <stop_token>
#include <system_error>

using treadle::coro::task;
namespace io = treadle::io;
using namespace std::chrono_literals;

task<std::error_code> waits(io::pipe_end& from) {
  std::array<std::byte, 16> room;
  co_return (co_await from.read(room)).error();
}

task<std::error_code> waits_for_a_while(io::pipe_end& from) {
  std::array<std::byte, 16> room;
  co_return (co_await treadle::coro::with_timeout(5ms, from.read(room))).error();
}

int main() {
  treadle::thread_pool pool;
  auto silent = io::pipe::make(pool).value();

  const std::error_code late = treadle::coro::sync_wait(pool, waits_for_a_while(silent.reads));

  std::stop_source source;
  auto asked = treadle::coro::spawn(pool, waits(silent.reads), source.get_token());
  source.request_stop();  // from any thread; `asked.request_stop()` does the same
  const std::error_code stopped = asked.wait();

  auto last = treadle::coro::spawn(pool, waits(silent.reads));
  if (pool.join()) return 1;  // ends every wait for a descriptor of the pool
  const std::error_code ended = last.wait();

  for (const auto& each : {late, stopped, ended}) std::printf("%s\n", each.message().c_str());
  return late == treadle::errc::timed_out && stopped == treadle::errc::cancelled && ended == treadle::errc::shut_down
             ? 0
             : 1;
}
