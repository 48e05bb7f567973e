#include "../os/io/file.hpp"

#include "../os/io/epoll.hpp"
#include "attempt.hpp"
#include "off_worker.hpp"
#include "ring_call.hpp"

#include <treadle/io/backend.hpp>
#include <treadle/io/file.hpp>

#include <algorithm>
#include <cerrno>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::at_disk;
using detail::off_worker;
using detail::system_error_of;
using detail::was_only_tried;

namespace {

/// What is copied in one go on a worker, and read or written between two looks for a request to stop.
constexpr std::size_t step_bytes = 1 << 20;

constexpr bool has(open_mode all, open_mode one) noexcept {
  return (static_cast<std::uint32_t>(all) & static_cast<std::uint32_t>(one)) != 0;
}

/// Says whether reads and writes are to go to the disk through a ring, without a try for what is in memory.
bool goes_past_memory(int number, bool direct) noexcept {
  if (!direct && io::current_backend().rings != backend::rings_for::everything) return false;
  os::file_facts facts;
  // What has no places to read at is no matter for rings: they would take what comes next.
  return os::facts_of(number, facts) == 0 && facts.what == os::file_facts::kind::regular;
}

result<file_status> status_of(int number) noexcept {
  os::file_facts facts;
  if (const int failed = os::facts_of(number, facts); failed != 0) return system_error_of(failed);
  return detail::status_of(facts);
}

}  // namespace

coro::task<result<file>> file::open(std::string path, open_mode how, unsigned permissions) {
  if (!detail::is_path(path)) co_return std::make_error_code(std::errc::invalid_argument);
  const os::open_flags flags{has(how, open_mode::read),      has(how, open_mode::write),    has(how, open_mode::create),
                             has(how, open_mode::exclusive), has(how, open_mode::truncate), has(how, open_mode::append),
                             has(how, open_mode::direct)};
  co_return off_worker([&]() -> result<file> {
    const int made = os::open_file(path.c_str(), flags, permissions);
    if (made < 0) return system_error_of(made);
    return file(made, goes_past_memory(made, flags.direct));
  });
}

coro::task<result<std::size_t>> file::read_at(std::uint64_t offset, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    if (coro::this_coro::stop_requested()) co_return errc::cancelled;
    const auto rest = into.subspan(done, std::min(step_bytes, into.size() - done));
    const auto read = [&](bool may_block) {
      return os::read_file(number_, offset + done, rest.data(), rest.size(), may_block);
    };
    std::ptrdiff_t got = past_memory_ ? -EAGAIN : read(false);
    if (was_only_tried(got)) {
      got = co_await detail::ring_call(
          {os::ring_call::read, number_, rest.data(), static_cast<std::uint32_t>(rest.size()), offset + done});
    }
    if (was_only_tried(got)) got = at_disk([&] { return read(true); });
    if (got < 0) co_return system_error_of(got);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  co_return done;
}

coro::task<result<std::vector<std::byte>>> file::read_all(std::size_t at_most) {
  const result<std::uint64_t> expected = co_await size();
  if (!expected) co_return expected.error();
  std::vector<std::byte> all;
  // One more than expected: then the end is seen in the same step.
  std::size_t room = static_cast<std::size_t>(std::min<std::uint64_t>(*expected, at_most)) + 1;
  for (;;) {
    const std::size_t before = all.size();
    all.resize(before + room);
    const result<std::size_t> got = co_await read_at(before, std::span(all).subspan(before));
    if (!got) co_return got.error();
    all.resize(before + *got);
    if (all.size() > at_most) co_return std::make_error_code(std::errc::file_too_large);
    if (*got < room) co_return all;
    room = std::max<std::size_t>(all.size(), 4096);
  }
}

coro::task<result<void>> file::write_at(std::uint64_t offset, std::span<const std::byte> from) {
  while (!from.empty()) {
    if (coro::this_coro::stop_requested()) co_return errc::cancelled;
    const auto next = from.first(std::min(step_bytes, from.size()));
    const auto write = [&](bool may_block) {
      return os::write_file(number_, offset, next.data(), next.size(), may_block);
    };
    std::ptrdiff_t written = past_memory_ ? -EAGAIN : write(false);
    // What memory does not take at once it takes from a thread that waits sooner than through a ring.
    if (past_memory_) {
      written = co_await detail::ring_call({os::ring_call::write, number_, const_cast<std::byte*>(next.data()),
                                            static_cast<std::uint32_t>(next.size()), offset});
    }
    if (was_only_tried(written)) written = at_disk([&] { return write(true); });
    if (written < 0) co_return system_error_of(written);
    offset += static_cast<std::uint64_t>(written);
    from = from.subspan(static_cast<std::size_t>(written));
  }
  co_return result<void>{};
}

coro::task<result<void>> file::sync() {
  if (coro::this_coro::stop_requested()) co_return errc::cancelled;
  std::ptrdiff_t synced = co_await detail::ring_call({os::ring_call::sync, number_, nullptr, 0, 0});
  if (was_only_tried(synced)) synced = at_disk([&] { return os::sync_file(number_); });
  co_return detail::outcome_of(static_cast<int>(synced));
}

coro::task<result<void>> file::resize(std::uint64_t bytes) {
  co_return off_worker([&] { return detail::outcome_of(os::resize_file(number_, bytes)); });
}

coro::task<result<file_status>> file::status() {
  co_return off_worker([&] { return status_of(number_); });
}

coro::task<result<std::uint64_t>> file::size() {
  const result<file_status> found = co_await status();
  if (!found) co_return found.error();
  co_return found->bytes;
}

void file::close() noexcept {
  if (number_ >= 0) os::close_descriptor(std::exchange(number_, -1));
}

}  // namespace treadle::io
