#include "../os/io/pipe.hpp"

#include "../os/io/epoll.hpp"
#include "attempt.hpp"

#include <treadle/io/pipe.hpp>

#include <utility>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::attempt;
using detail::direction;
using detail::system_error_of;

result<pipe> pipe::make(thread_pool& pool) noexcept {
  int reads = -1, writes = -1;
  if (const int failed = os::make_pipe(reads, writes); failed != 0) return system_error_of(failed);
  result<descriptor> from = descriptor::own(pool, reads);
  result<descriptor> to = descriptor::own(pool, writes);
  if (!from) return from.error();
  if (!to) return to.error();
  return io::pipe{pipe_end(*std::move(from)), pipe_end(*std::move(to))};
}

result<pipe_end> pipe_end::adopt(thread_pool& pool, int number) noexcept {
  result<descriptor> end = descriptor::adopt(pool, number);
  if (!end) return end.error();
  return pipe_end(*std::move(end));
}

result<pipe_end> pipe_end::share(thread_pool& pool, int number) noexcept {
  const int own = os::duplicate(number);
  if (own < 0) return system_error_of(own);
  result<pipe_end> made = adopt(pool, own);
  if (!made) os::close_descriptor(own);
  return made;
}

coro::task<result<std::size_t>> pipe_end::read(std::span<std::byte> into) {
  const int number = end_.number_;
  const result<long> got = co_await attempt(*end_.place_, number, direction::in,
                                            [&] { return os::read_some(number, into.data(), into.size()); });
  if (!got) co_return got.error();
  co_return static_cast<std::size_t>(*got);
}

coro::task<result<std::size_t>> pipe_end::read_all(std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const result<std::size_t> got = co_await read(into.subspan(done));
    if (!got) co_return got.error();
    if (*got == 0) break;
    done += *got;
  }
  co_return done;
}

coro::task<result<std::size_t>> pipe_end::write(std::span<const std::byte> from) {
  const int number = end_.number_;
  const result<long> written = co_await attempt(*end_.place_, number, direction::out,
                                                [&] { return os::write_some(number, from.data(), from.size()); });
  if (!written) co_return written.error();
  co_return static_cast<std::size_t>(*written);
}

coro::task<result<void>> pipe_end::write_all(std::span<const std::byte> from) {
  while (!from.empty()) {
    const result<std::size_t> written = co_await write(from);
    if (!written) co_return written.error();
    from = from.subspan(*written);
  }
  co_return result<void>{};
}

}  // namespace treadle::io
