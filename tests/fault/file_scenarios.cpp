#include "scenarios.hpp"
#include "witness.hpp"

#if defined(TREADLE_FAULTS)

#include <treadle/coro.hpp>
#include <treadle/io.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

// Pipes, datagrams, races of connections, names and files.

namespace treadle::test {
namespace {

using bytes = std::array<std::byte, 64>;

/// The same on a pool of two.
template <class F>
void run_on_two(F&& make) {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    run(pool, seen, [&] { return make(seen, pool); });
    CHECK_OK(pool.drain());
  }
  seen.check();
}

// ---- pipes ---------------------------------------------------------------------------------------------------------

coro::task<> pours(io::pipe_end into, const bytes& all) { (co_await into.write_all(all)).value(); }

coro::task<> drinks(io::pipe_end from, const bytes& all) {
  bytes got{};
  if ((co_await from.read_all(got)).value() != got.size()) {
    throw std::system_error(std::make_error_code(std::errc::broken_pipe));
  }
  CHECK(got == all);
}

coro::task<> through_a_pipe(witness& seen, thread_pool& pool) {
  bytes all;
  all.fill(std::byte{5});
  io::pipe ends = io::pipe::make(pool).value();
  io::pipe_end shared = io::pipe_end::share(pool, ends.reads.handle().number()).value();
  ends.reads.close();
  co_await coro::when_all(heard(seen, drinks(std::move(shared), all)), heard(seen, pours(std::move(ends.writes), all)));
}

// ---- datagrams -----------------------------------------------------------------------------------------------------

coro::task<> through_the_air(witness&, thread_pool& pool) {
  io::datagram one = io::datagram::bind(pool, io::address::loopback(0)).value();
  io::datagram other = io::datagram::connect(pool, one.local_address().value()).value();
  bytes sent{}, got{};
  (co_await other.send(sent)).value();
  const io::datagram::received first = (co_await one.recv_from(got)).value();
  CHECK(first.bytes == sent.size());
  (co_await one.send_to(sent, first.from)).value();
  CHECK((co_await other.recv_from(got)).value().bytes == sent.size());
}

// ---- connections ---------------------------------------------------------------------------------------------------

coro::task<> accepts_one(io::listener& at) { (co_await at.accept()).value(); }

/// The first candidate refuses. If the second one fails, too, it is the list of failures that says why.
coro::task<> connects(witness& seen, thread_pool& pool, std::vector<io::address> candidates) {
  std::vector<io::connect_failure> failures;
  io::connect_options options;
  options.failures = &failures;
  const auto connected = co_await io::connect(pool, std::move(candidates), options);
  if (connected) co_return;
  for (const io::connect_failure& each : failures) {
    if (each.why != std::errc::connection_refused) seen.hear(each.why);
  }
  if (!seen.heard()) seen.hear(connected.error());
  throw std::system_error(std::make_error_code(std::errc::connection_reset));
}

/// The first address refuses, the second one answers. Where a failure lets one connection fail and no other is made,
/// nobody is accepted: the two are not awaited together.
coro::task<> race(witness& seen, thread_pool& pool) {
  io::address nobody;
  {
    io::listener gone = io::listener::listen(pool, io::address::loopback(0)).value();
    nobody = gone.local_address().value();
  }
  io::listener listening = io::listener::listen(pool, io::address::loopback(0)).value();
  std::vector<io::address> both{nobody, listening.local_address().value()};
  co_await heard(seen, connects(seen, pool, std::move(both)));
  co_await heard(seen, accepts_one(listening));
}

// ---- names ---------------------------------------------------------------------------------------------------------

coro::task<> names(witness&, thread_pool& pool) {
  CHECK(!(co_await io::resolve(pool, "127.0.0.1", "80")).value().empty());
  CHECK(!(co_await io::resolve(pool, "localhost", "80")).value().empty());
}

// ---- files ---------------------------------------------------------------------------------------------------------

/// A folder for one run; removes what that leaves behind.
struct scratch {
  scratch() {
    const injector::exemption own;
    base = "/tmp/treadle_fault_XXXXXX";  // process numbers come again, and a killed run leaves its folder behind
    CHECK_OK(::mkdtemp(base.data()) != nullptr ? std::error_code() : std::error_code(errno, std::system_category()));
    inner = base + "/inner";
    first = inner + "/first";
    second = inner + "/second";
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() {
    const injector::exemption own;
    ::unlink(first.c_str());
    ::unlink(second.c_str());
    ::rmdir(inner.c_str());
    CHECK(::rmdir(base.c_str()) == 0);
    for (std::string* each : {&base, &inner, &first, &second}) *each = std::string();
  }
  std::string base, inner, first, second;
};

coro::task<> files(witness&, thread_pool&) {
  const scratch at;
  (co_await io::mkdir(at.inner)).value();
  {
    using enum io::open_mode;
    io::file made = (co_await io::file::open(at.first, read | write | create | exclusive)).value();
    bytes sent{}, got{};
    sent.fill(std::byte{9});
    (co_await made.write_at(10, sent)).value();
    (co_await made.sync()).value();
    (co_await made.resize(100)).value();
    CHECK((co_await made.read_at(10, got)).value() == got.size());
    CHECK(got == sent);
    CHECK((co_await made.size()).value() == 100);
    CHECK((co_await made.read_all()).value().size() == 100);
  }
  (co_await io::rename(at.first, at.second)).value();
  CHECK((co_await io::stat(at.second)).value().bytes == 100);
  (co_await io::unlink(at.second)).value();
}

/// What cannot be entered or read on is an entry with an error; the root, and a stop, end the walk.
coro::task<> walks(witness& seen, thread_pool&) {
  const scratch at;
  (co_await io::mkdir(at.inner)).value();
  { const io::file made = (co_await io::file::open(at.first, io::open_mode::write | io::open_mode::create)).value(); }
  {
    io::walk tree(at.base);
    std::size_t count = 0;
    while (const auto next = (co_await tree.next()).value()) {
      if (next->error) seen.hear(next->error);
      ++count;
    }
    CHECK(count != 0 || seen.heard());
  }
  io::directory opened = (co_await io::directory::open(at.base)).value();
  CHECK((co_await opened.next()).value().has_value());
  CHECK(!(co_await opened.next()).value().has_value());
}

// ---- rings ---------------------------------------------------------------------------------------------------------

coro::task<> reads_and_syncs(io::file& from, std::uint64_t where) {
  bytes got{};
  CHECK((co_await from.read_at(where, got)).value() == got.size());
  CHECK(got[0] == std::byte{9});
  (co_await from.sync()).value();
}

/// More at a time than the ring has room for.
coro::task<> through_rings(witness& seen, thread_pool&) {
  const scratch at;
  (co_await io::mkdir(at.inner)).value();
  using enum io::open_mode;
  io::file made = (co_await io::file::open(at.first, read | write | create | exclusive)).value();
  std::array<std::byte, 640> sent;
  sent.fill(std::byte{9});
  (co_await made.write_at(0, sent)).value();
  co_await coro::when_all(heard(seen, reads_and_syncs(made, 0)), heard(seen, reads_and_syncs(made, 64)),
                          heard(seen, reads_and_syncs(made, 128)), heard(seen, reads_and_syncs(made, 192)),
                          heard(seen, reads_and_syncs(made, 256)), heard(seen, reads_and_syncs(made, 320)));
}

/// All files go through rings, of two submissions and four answers.
void run_on_rings() {
  setenv("TREADLE_IO", "uring", 1);
  setenv("TREADLE_TEST_RING", "tiny", 1);
  run_on_two(&through_rings);
}

/// With room for what a row of coroutines begins, one call for all of it.
void run_on_rings_in_a_row() {
  setenv("TREADLE_IO", "uring", 1);
  run_on_two(&through_rings);
}

}  // namespace

const std::vector<fault_scenario>& file_fault_scenarios() {
  static const std::vector<fault_scenario> all{
      {"io_own_pipe", [] { run_on_two(&through_a_pipe); }, true, true},
      {"io_datagrams", [] { run_on_two(&through_the_air); }, true, true},
      {"io_race", [] { run_on_two(&race); }, true, true},
      {"io_names", [] { run_on_two(&names); }, true, true},
      {"io_files", [] { run_on_two(&files); }, true, true},
      {"io_walk", [] { run_on_two(&walks); }, true, true},
      {"io_rings", &run_on_rings, true, true},
      {"io_rings_in_a_row", &run_on_rings_in_a_row, true, true},
  };
  return all;
}

}  // namespace treadle::test

#endif
