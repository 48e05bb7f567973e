#include "scenarios.hpp"
#include "witness.hpp"

#if defined(TREADLE_FAULTS)

#include <treadle/coro.hpp>
#include <treadle/io.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace treadle::test {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void broke_off() { throw std::system_error(std::make_error_code(std::errc::connection_reset)); }

// ---- echo ----------------------------------------------------------------------------------------------------------

using message = std::array<std::byte, 100>;

coro::task<> echoes(io::stream peer) {
  message room;
  while (const std::size_t got = (co_await peer.recv(room)).value()) {
    (co_await peer.send_all(std::span(room).first(got))).value();
  }
}

coro::task<> serves(io::listener& at) {
  io::address who;
  co_await echoes((co_await at.accept(who)).value());
}

coro::task<> asks(thread_pool& pool, io::address server, int times) {
  io::stream peer = (co_await io::stream::connect(pool, server)).value();
  if (server.kind() != io::address::family::local) peer.set_no_delay(true).value();
  message sent{}, got{};
  for (int i = 0; i < times; ++i) {
    sent.fill(static_cast<std::byte>('a' + i));
    (co_await peer.send_all(sent)).value();
    if ((co_await peer.recv_all(got)).value() != got.size()) broke_off();
    CHECK(got == sent);
  }
  peer.shutdown().value();
  CHECK((co_await peer.recv(got)).value() == 0);
}

coro::task<> talk(witness& seen, thread_pool& pool, io::listener& at, io::address server) {
  co_await coro::when_all(heard(seen, serves(at)), heard(seen, asks(pool, server, 3)));
}

coro::task<> talk_thrice(witness& seen, thread_pool& pool, io::listener& at, io::address server) {
  co_await coro::when_all(talk(seen, pool, at, server), talk(seen, pool, at, server), talk(seen, pool, at, server));
}

template <class F>
void with_listener(const io::address& at, std::uint32_t threads, F&& make) {
  witness seen;
  {
    thread_pool pool(with_threads(threads));
    auto listening = io::listener::listen(pool, at);
    seen.hear(listening.error());
    if (listening) {
      const auto where = listening->local_address();
      seen.hear(where.error());
      if (where) run(pool, seen, [&] { return make(seen, pool, *listening, *where); });
    }
    CHECK_OK(pool.drain());
  }
  seen.check();
}

io::address abstract_name() {
  const injector::exemption own;
  return *io::address::local(("@treadle_fault_" + std::to_string(getpid())).c_str());
}

void io_echo() { with_listener(io::address::loopback(0), 2, &talk); }
void io_echo_alone() { with_listener(io::address::loopback(0), 1, &talk); }
void io_echo_local() { with_listener(abstract_name(), 2, &talk); }
void io_echo_many() { with_listener(abstract_name(), 3, &talk_thrice); }

// ---- descriptors of others' making ---------------------------------------------------------------------------------

/// Two descriptors, of a pipe or of two connected sockets; closes what was not taken over.
struct two_ends {
  explicit two_ends(bool sockets) {
    CHECK((sockets ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, number.data())
                   : pipe2(number.data(), O_CLOEXEC)) == 0);
  }
  two_ends(const two_ends&) = delete;
  two_ends& operator=(const two_ends&) = delete;
  ~two_ends() {
    for (const int each : number) {
      if (each >= 0) close(each);
    }
  }

  template <class T>
  std::optional<T> adopt(thread_pool& pool, witness& seen, std::size_t which) {
    auto made = T::adopt(pool, number[which]);
    seen.hear(made.error());
    if (!made) {
      CHECK((fcntl(number[which], F_GETFL) & O_NONBLOCK) == 0);  // the caller's, as it was
      return std::nullopt;
    }
    number[which] = -1;
    return std::move(*made);
  }

  std::array<int, 2> number{-1, -1};
};

coro::task<> pours(std::optional<io::stream> into, const std::vector<std::byte>& all) {
  (co_await into->send_all(all)).value();
}

coro::task<> drinks(std::optional<io::stream> from, const std::vector<std::byte>& all) {
  std::vector<std::byte> got(all.size());
  if ((co_await from->recv_all(got)).value() != got.size()) broke_off();
  CHECK(got == all);
}

coro::task<> pour_and_drink(witness& seen, std::optional<io::stream> in, std::optional<io::stream> out,
                            const std::vector<std::byte>& all) {
  co_await coro::when_all(heard(seen, pours(std::move(in), all)), heard(seen, drinks(std::move(out), all)));
}

/// More than the kernel keeps, so that who sends has to wait, too.
void io_large() {
  witness seen;
  std::optional<std::vector<std::byte>> all;
  {
    const injector::exemption own;
    all.emplace(500'000, std::byte{7});
  }
  {
    thread_pool pool(with_threads(2));
    two_ends sockets(true);
    auto in = sockets.adopt<io::stream>(pool, seen, 0), out = sockets.adopt<io::stream>(pool, seen, 1);
    if (in && out) run(pool, seen, [&] { return pour_and_drink(seen, std::move(in), std::move(out), *all); });
    CHECK_OK(pool.drain());
  }
  {
    const injector::exemption own;
    all.reset();
  }
  seen.check();
}

coro::task<> writes_bytes(io::descriptor& into) {
  for (int i = 0; i < 3; ++i) {
    co_await coro::yield();
    (co_await into.writable()).value();
    CHECK(write(into.number(), "x", 1) == 1);
  }
  into.close();
}

coro::task<> reads_bytes(io::descriptor& from) {
  char byte = 0;
  for (;;) {
    (co_await from.readable()).value();
    if (read(from.number(), &byte, 1) == 0) co_return;
  }
}

coro::task<> write_and_read(witness& seen, io::descriptor& into, io::descriptor& from) {
  co_await coro::when_all(heard(seen, reads_bytes(from)), heard(seen, writes_bytes(into)));
}

void io_pipe() {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    two_ends pipe(false);
    auto reads = pipe.adopt<io::descriptor>(pool, seen, 0), writes = pipe.adopt<io::descriptor>(pool, seen, 1);
    if (reads && writes) run(pool, seen, [&] { return write_and_read(seen, *writes, *reads); });
    CHECK_OK(pool.drain());
    if (reads) close(reads->release());
  }
  seen.check();
}

/// The same descriptors in the hands of two pools in turn, waited for from the other one.
void io_two_pools() {
  witness seen;
  {
    thread_pool first(with_threads(1)), second(with_threads(1));
    two_ends pipe(false);
    auto reads = pipe.adopt<io::descriptor>(first, seen, 0), writes = pipe.adopt<io::descriptor>(second, seen, 1);
    if (reads && writes) run(second, seen, [&] { return write_and_read(seen, *writes, *reads); });
    CHECK_OK(first.drain());
    CHECK_OK(second.drain());
  }
  seen.check();
}

// ---- without coroutines --------------------------------------------------------------------------------------------

struct told : io::operation {
  explicit told(thread_pool& pool)
      : operation(pool, [](operation& ended) noexcept { static_cast<told&>(ended).over = true; }) {}
  std::atomic<bool> over{false};
};

/// Returns why the operation has not started, or how it has ended. With no thread in the pool, drain calls back.
std::error_code outcome(thread_pool& pool, told& started, std::error_code refused) {
  while (!refused && !started.over) {
    CHECK_OK(pool.drain());
    std::this_thread::sleep_for(100us);
  }
  started.over = false;
  return refused ? refused : started.error();
}

void io_operations() {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    two_ends sockets(true);
    auto in = sockets.adopt<io::stream>(pool, seen, 0), out = sockets.adopt<io::stream>(pool, seen, 1);
    told receives(pool), sends(pool);
    message sent{}, got{};
    for (int i = 0; in && out && i < 3 && !seen.heard(); ++i) {
      sent.fill(static_cast<std::byte>(i + 1));
      const std::error_code not_received = receives.receive(*out, got);
      const std::error_code not_sent = outcome(pool, sends, sends.send(*in, std::span(sent).first(1)));
      if (not_sent) receives.cancel();
      const std::error_code why = outcome(pool, receives, not_received);
      seen.hear(not_sent);
      seen.hear(why);
      CHECK(why || (receives.bytes() == 1 && got[0] == sent[0]));
    }
    CHECK_OK(pool.drain());
  }
  seen.check();
}

/// Nothing comes: each ends by its deadline, or by the fault.
void io_operation_late() {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    two_ends sockets(true);
    auto silent = sockets.adopt<io::stream>(pool, seen, 0);
    told receives(pool);
    message got{};
    for (int i = 0; silent && i < 2 && !seen.heard(); ++i) {
      receives.expires_after(1ms);
      const std::error_code why = outcome(pool, receives, receives.receive(*silent, got));
      CHECK(why);
      if (why != errc::timed_out) seen.hear(why);
    }
    CHECK_OK(pool.drain());
  }
  seen.check();
}

void io_operation_connects() {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    auto listening = io::listener::listen(pool, io::address::loopback(0));
    seen.hear(listening.error());
    if (listening) {
      const auto where = listening->local_address();
      seen.hear(where.error());
      told connects(pool), accepts(pool);
      for (int i = 0; where && i < 3 && !seen.heard(); ++i) {
        const std::error_code not_accepted = accepts.accept(*listening);
        const std::error_code not_connected = outcome(pool, connects, connects.connect(*where));
        if (not_connected) accepts.cancel();
        const std::error_code why = outcome(pool, accepts, not_accepted);
        seen.hear(not_connected);
        seen.hear(why);
        CHECK(not_connected ? !connects.connected() : static_cast<bool>(connects.connected()));
        CHECK(why || accepts.accepted());
      }
    }
    CHECK_OK(pool.drain());
  }
  seen.check();
}

// ---- in chunks ------------------------------------------------------------------------------------------------------

coro::task<> hears_all(io::listener& at) {
  io::stream peer = (co_await at.accept()).value();
  auto chunks = peer.recv_stream();
  std::size_t got = 0;
  for (;;) {
    const auto chunk = co_await chunks.next();
    if (chunk.error()) throw std::system_error(chunk.error());
    if (!chunk) break;
    got += chunk->size();
  }
  if (got != 3 * sizeof(message)) broke_off();
}

coro::task<> says_all(thread_pool& pool, io::address server) {
  io::stream peer = (co_await io::stream::connect(pool, server)).value();
  const message sent{};
  for (int i = 0; i < 3; ++i) {
    (co_await peer.send_all(sent)).value();
    co_await coro::yield();
  }
}

coro::task<> say_and_hear(witness& seen, thread_pool& pool, io::listener& at, io::address server) {
  co_await coro::when_all(heard(seen, hears_all(at)), heard(seen, says_all(pool, server)));
}

void io_chunks() { with_listener(io::address::loopback(0), 2, &say_and_hear); }

// ---- waits that are ended ------------------------------------------------------------------------------------------

coro::task<std::error_code> waits(io::descriptor& at) { co_return (co_await at.readable()).error(); }
coro::task<std::error_code> receives(io::stream& from) {
  std::array<std::byte, 8> room;
  co_return (co_await from.recv(room)).error();
}
coro::task<std::error_code> accepts(io::listener& at) { co_return (co_await at.accept()).error(); }

using handle = coro::join_handle<std::error_code>;

template <class F>
std::optional<handle> spawn(thread_pool& pool, witness& seen, F&& make) {
  try {
    return coro::spawn(pool, make());
  } catch (...) {
    seen.hear_exception();
    return std::nullopt;
  }
}

/// The wait has ended by `expected`, or by the fault.
void ended(std::optional<handle>& waiting, witness& seen, errc expected) {
  if (!waiting) return;
  try {
    const std::error_code why = waiting->wait();
    CHECK(why);
    if (why != expected) seen.hear(why);
  } catch (...) {
    seen.hear_exception();
  }
}

void io_stop() {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    two_ends pipe(false);
    auto reads = pipe.adopt<io::descriptor>(pool, seen, 0);
    for (int i = 0; reads && i < 3; ++i) {
      auto waiting = spawn(pool, seen, [&] { return waits(*reads); });
      if (i == 1) std::this_thread::sleep_for(300us);
      if (waiting) waiting->request_stop();
      ended(waiting, seen, errc::cancelled);
    }
    CHECK_OK(pool.drain());
  }
  seen.check();
}

coro::task<> waits_in_vain(io::descriptor& at) { (co_await at.readable()).value(); }

coro::task<> gives_up(io::descriptor& on) {
  for (int i = 0; i < 2; ++i) {
    try {
      co_await coro::with_timeout(1ms, waits_in_vain(on));
      CHECK(!"nothing was written");
    } catch (const std::system_error& late) {
      if (late.code() != errc::timed_out) throw;
    }
  }
}

void io_timeout() {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    two_ends pipe(false);
    auto reads = pipe.adopt<io::descriptor>(pool, seen, 0);
    if (reads) run(pool, seen, [&] { return gives_up(*reads); });
    CHECK_OK(pool.drain());
  }
  seen.check();
}

/// The pool ends while a descriptor, a stream and a listener are waited for.
template <shutdown_mode mode>
void io_shutdown() {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    two_ends pipe(false), sockets(true);
    auto reads = pipe.adopt<io::descriptor>(pool, seen, 0);
    auto stream = sockets.adopt<io::stream>(pool, seen, 0);
    auto listening = io::listener::listen(pool, abstract_name());
    seen.hear(listening.error());
    std::array<std::optional<handle>, 4> all;
    if (reads) all[0] = spawn(pool, seen, [&] { return waits(*reads); });
    if (reads) all[1] = spawn(pool, seen, [&] { return waits(*reads); });
    if (stream) all[2] = spawn(pool, seen, [&] { return receives(*stream); });
    if (listening) all[3] = spawn(pool, seen, [&] { return accepts(*listening); });
    CHECK_OK(pool.drain());
    CHECK_OK(pool.shutdown(mode).error);
    CHECK_OK(pool.join());
    for (auto& each : all) ended(each, seen, errc::shut_down);
  }
  // A cancelled pool lets some unwind, which is no fault of anybody's.
  if (mode == shutdown_mode::drain) seen.check();
}

/// What the child lets go of, the parent still watches.
void io_fork() {
  witness seen;
  {
    thread_pool pool(with_threads(2));
    two_ends pipe(false);
    auto reads = pipe.adopt<io::descriptor>(pool, seen, 0);
    auto waiting = reads ? spawn(pool, seen, [&] { return waits(*reads); }) : std::nullopt;
    CHECK_OK(pool.drain());
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      alarm(20);
      if (reads) reads->close();
      _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) CHECK(errno == EINTR);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(write(pipe.number[1], "x", 1) == 1);
    if (waiting) {
      try {
        seen.hear(waiting->wait());
      } catch (...) {
        seen.hear_exception();
      }
    }
    CHECK_OK(pool.drain());
  }
  seen.check();
}

/// The same with sockets that wait in rings.
template <void (*scenario)()>
void on_rings() {
  setenv("TREADLE_IO", "uring", 1);
  scenario();
}

}  // namespace

const std::vector<fault_scenario>& io_fault_scenarios() {
  static const std::vector<fault_scenario> all{
      {"io_echo", &io_echo, true, true},
      {"io_echo_alone", &io_echo_alone, true, true},
      {"io_echo_local", &io_echo_local, true, true},
      {"io_echo_many", &io_echo_many, true, true},
      {"io_large", &io_large, true, true},
      {"io_pipe", &io_pipe, true, true},
      {"io_two_pools", &io_two_pools, true, true},
      {"io_operations", &io_operations, true, true},
      {"io_operation_late", &io_operation_late, true, true},
      {"io_operation_connects", &io_operation_connects, true, true},
      {"io_chunks", &io_chunks, true, true},
      {"io_stop", &io_stop, true, true},
      {"io_timeout", &io_timeout, true, true},
      {"io_drain", &io_shutdown<shutdown_mode::drain>, true, true},
      {"io_cancel", &io_shutdown<shutdown_mode::cancel>, true, true},
      {"io_fork", &io_fork, true, true},
      {"io_echo_on_rings", &on_rings<&io_echo>, true, true},
      {"io_chunks_on_rings", &on_rings<&io_chunks>, true, true},
      {"io_stop_on_rings", &on_rings<&io_stop>, true, true},
      {"io_cancel_on_rings", &on_rings<&io_shutdown<shutdown_mode::cancel>>, true, true},
  };
  return all;
}

}  // namespace treadle::test

#endif
