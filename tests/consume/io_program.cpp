// A program outside that uses the component treadle::io: a stream to itself carries a thousand bytes.
#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <cstddef>
#include <cstdio>
#include <vector>

namespace {

treadle::coro::task<std::size_t> carry(treadle::thread_pool& pool) {
  auto at = treadle::io::listener::listen(pool, treadle::io::address::loopback(0)).value();
  const auto here = at.local_address().value();
  auto [near, far] = co_await treadle::coro::when_all(treadle::io::stream::connect(pool, here), at.accept());
  std::vector<std::byte> sent(1000), got(1000);
  (co_await near.value().send_all(sent)).value();
  co_return (co_await far.value().recv_all(got)).value();
}

}  // namespace

int main() {
  treadle::thread_pool pool;
  const std::size_t bytes = treadle::coro::sync_wait(pool, carry(pool));
  std::printf("%zu bytes came through\n", bytes);
  return bytes == 1000 ? 0 : 1;
}
