#include "io_conversations.hpp"

#include <treadle/coro.hpp>
#include <treadle/timer.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace treadle::test {

using namespace std::chrono_literals;

namespace {

// What a connection begins with says how it goes on.
constexpr std::byte echoes{'e'}, says_nothing{'n'}, resets{'r'};

using room = std::array<std::byte, 4096>;

bool is_cut(const std::error_code& why) { return why == errc::cancelled || why == errc::shut_down; }

/// Has the close that follows reset the connection.
void reset_at_close(io::stream& peer) {
  const linger at_once{1, 0};
  static_cast<void>(setsockopt(peer.socket().number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

coro::task<> serves_one(io::stream peer) {
  room got;
  const result<std::size_t> first = co_await peer.recv_all(std::span(got).first(1));
  if (!first || *first == 0) co_return;
  const std::byte how = got[0];
  if (how == resets) {
    reset_at_close(peer);
    co_return;
  }
  for (;;) {
    const result<std::size_t> bytes = co_await peer.recv(got);
    if (!bytes || *bytes == 0) co_return;
    if (how == echoes && !co_await peer.send_all(std::span(got).first(*bytes))) co_return;
  }
}

/// The same without a coroutine. It owns itself, and soon gives a peer up that is to be told nothing.
class self_served {
 public:
  /// Returns once `count` has been raised, and the connection is served until it is lowered.
  static void serve(thread_pool& pool, io::stream peer, std::atomic<std::size_t>& count) {
    auto made = std::make_unique<self_served>(pool, std::move(peer), count);
    if (made->receive()) static_cast<void>(made.release());
  }
  self_served(thread_pool& pool, io::stream peer, std::atomic<std::size_t>& count)
      : talk_(*this, pool), limit_(*this, pool), peer_(std::move(peer)), count_(count) {
    ++count_;
  }
  /// Ends what waits for a timer that its pool has given back instead of calling it.
  static void give_up(task& given_back) { static_cast<limiting&>(given_back).of.was_late(); }
  self_served(const self_served&) = delete;
  self_served& operator=(const self_served&) = delete;
  ~self_served() { peer_.close(), --count_; }

 private:
  struct talking : io::operation {
    talking(self_served& whole, thread_pool& pool)
        : operation(pool, [](operation& ended) noexcept { static_cast<talking&>(ended).of.went_on(); }), of(whole) {}
    self_served& of;
  };
  struct limiting : timer {
    limiting(self_served& whole, thread_pool& pool)
        : timer(pool, [](timer& expired) noexcept { static_cast<limiting&>(expired).of.was_late(); }), of(whole) {}
    self_served& of;
  };

  bool receive() {
    sends_ = false;
    pending_ = 2;
    if (limit_.arm(patience_)) return false;
    if (!talk_.receive(peer_, got_)) return true;
    if (limit_.cancel()) return false;
    leave();  // late already: the last of the two ends it
    return true;
  }
  void went_on() {
    if (!sends_ && !limit_.cancel()) return leave();  // the timer was faster
    const bool ends = talk_.error() || talk_.bytes() == 0;
    if (ends || !(sends_ ? receive() : answer())) delete this;
  }
  bool answer() {
    std::span<std::byte> said = std::span(got_).first(talk_.bytes());
    if (how_ == std::byte{}) {
      how_ = said.front();
      said = said.subspan(1);
    }
    if (how_ == resets) {
      reset_at_close(peer_);
      return false;
    }
    if (how_ == says_nothing) patience_ = 2ms;
    if (how_ == says_nothing || said.empty()) return receive();
    sends_ = true;
    return !talk_.send_all(peer_, said);
  }
  void was_late() {
    talk_.cancel();
    leave();
  }
  void leave() {
    if (--pending_ == 0) delete this;
  }

  talking talk_;
  limiting limit_;
  io::stream peer_;
  std::atomic<std::size_t>& count_;
  room got_;
  std::atomic<int> pending_{0};
  std::chrono::nanoseconds patience_ = 1min;
  std::byte how_{};
  bool sends_ = false;
};

}  // namespace

void conversation_counts::fail(const std::string& what) {
  ++failures;
  std::cout << ("io soak: " + what + '\n') << std::flush;
}

/// One conversation.
struct talk {
  conversations& in;
  random_source random;

  /// Takes what was asked for out. What has failed by the pool's end, or a request to stop, ends the conversation.
  template <class T>
  T value(result<T> got, const char* what) {
    if (!got) {
      const bool is_known = is_cut(got.error()) || in.may_be_cut_;
      if (!is_known) in.counts_.fail(std::string(what) + ": " + got.error().message());
      throw std::system_error(is_known ? errc::cancelled : got.error());
    }
    if constexpr (!std::is_void_v<T>) return *std::move(got);
  }
  /// What does not hold because the pool's end has reached the peer first is no failure.
  void expect(bool holds, const char* what) const {
    if (holds) return;
    if (in.may_be_cut_) throw std::system_error(errc::cancelled);
    in.counts_.fail(what);
  }
  template <class Wanted>
  void expect(std::error_code got, Wanted wanted, const char* what) const {
    if (got == wanted) return;
    if (is_cut(got) || in.may_be_cut_) throw std::system_error(errc::cancelled);
    in.counts_.fail(std::string(what) + ": " + got.message());
  }

  std::chrono::microseconds some_time(std::uint64_t most_us) {
    return std::chrono::microseconds(random.below(most_us));
  }

  coro::task<io::stream> connects(std::byte how) {
    io::stream peer = value(co_await io::stream::connect(in.pool_, in.at_.local_address().value()), "connect");
    value(co_await peer.send_all(std::span(&how, 1)), "send");
    co_return std::move(peer);
  }

  coro::task<> whole() {
    io::stream peer = co_await connects(echoes);
    for (std::uint64_t left = 1 + random.below(8); left > 0; --left) {
      const std::size_t bytes = 1 + random.below(random.one_in(10) ? 300'000 : 3000);
      std::vector<std::byte> sent(bytes, static_cast<std::byte>(random.next())), got(bytes);
      auto [sending, receiving] = co_await coro::when_all(peer.send_all(sent), peer.recv_all(got));
      value(std::move(sending), "send_all");
      expect(value(std::move(receiving), "recv_all") == bytes, "the echo is too short");
      if (got != sent) in.counts_.fail("what came back is not what was sent");
    }
    value(peer.shutdown(), "shutdown");
    room rest;
    expect(value(co_await peer.recv(rest), "recv at the end") == 0, "there is more than was sent");
  }

  coro::task<> leaves(bool by_reset) {
    io::stream peer = co_await connects(echoes);
    const std::vector<std::byte> sent(1 + random.below(20'000));
    value(co_await peer.send(sent), "send");
    if (random.one_in(2)) {
      room some;
      value(co_await peer.recv(some), "recv");
    }
    if (by_reset) reset_at_close(peer);
  }

  coro::task<> is_reset() {
    io::stream peer = co_await connects(resets);
    room none;
    const result<std::size_t> got = co_await peer.recv(none);
    if (!got) expect(got.error(), std::errc::connection_reset, "recv from who has reset");
    expect(!got || *got == 0, "who resets said something");
  }

  coro::task<> times_out() {
    io::stream peer = co_await connects(says_nothing);
    room none;
    const result<std::size_t> got = co_await coro::with_timeout(some_time(3000), peer.recv(none));
    if (!got) expect(got.error(), errc::timed_out, "a silent peer");
    expect(!got || *got == 0, "a silent peer said something");  // it may lose its patience
  }

  coro::task<> waits_for_nothing(std::error_code& why) {
    try {
      io::stream peer = co_await connects(says_nothing);
      room none;
      why = (co_await peer.recv(none)).error();
    } catch (const std::system_error& stopped) {
      why = stopped.code();
    }
  }
  coro::task<> is_cancelled() {
    coro::async_scope waiting(in.pool_);
    coro::task<> over = waiting.join();
    std::error_code why = errc::cancelled;
    std::exception_ptr thrown;
    try {
      waiting.spawn(waits_for_nothing(why));
      co_await coro::sleep_for(some_time(2000));
    } catch (...) {
      thrown = std::current_exception();
    }
    waiting.request_stop();
    co_await std::move(over);
    if (thrown != nullptr) std::rethrow_exception(thrown);
    if (why) expect(why, errc::cancelled, "a wait that was asked to stop");  // or the peer has lost its patience
  }

  coro::task<> is_refused() {
    const result<io::stream> got = co_await io::stream::connect(in.pool_, in.nobody_);
    expect(got.error(), std::errc::connection_refused, "connect to nobody");
  }

  coro::task<> races() {
    const io::address there = in.at_.local_address().value();
    const std::vector<io::address> all{in.nobody_, there, there};
    const io::connect_options at_once{some_time(300), nullptr};
    const io::stream won = value(co_await io::connect(in.pool_, all, at_once), "io::connect");
    expect(static_cast<bool>(won), "nothing was connected");
  }

  coro::task<> sends_datagrams() {
    io::datagram here = value(io::datagram::bind(in.pool_, io::address::loopback(0)), "bind");
    io::datagram there = value(io::datagram::connect(in.pool_, here.local_address().value()), "datagram::connect");
    room sent{}, got{};
    for (std::size_t i = 1 + random.below(10); i > 0; --i) {
      value(co_await there.send(std::span(sent).first(i)), "send a datagram");
      expect(value(co_await coro::with_timeout(10s, here.recv_from(got)), "recv_from").bytes == i, "datagram cut");
    }
    expect((co_await coro::with_timeout(some_time(1000), here.recv_from(got))).error(), errc::timed_out, "no datagram");
  }

  coro::task<> pipes() {
    io::pipe made = value(io::pipe::make(in.pool_), "pipe");
    const std::vector<std::byte> sent(1 + random.below(200'000), static_cast<std::byte>(random.next()));
    std::vector<std::byte> got(sent.size());
    auto [writing, reading] = co_await coro::when_all(made.writes.write_all(sent), made.reads.read_all(got));
    value(std::move(writing), "write to a pipe");
    expect(value(std::move(reading), "read from a pipe") == sent.size(), "a pipe has lost bytes");
    if (got != sent) in.counts_.fail("a pipe has changed bytes");
    made.reads.close();
    expect((co_await made.writes.write(sent)).error(), std::errc::broken_pipe, "nobody reads");
  }

  coro::task<> files() {
    const std::string path = in.directory_ + "/" + std::to_string(in.files_++);
    using io::open_mode;
    io::file made = value(
        co_await io::file::open(path, open_mode::read | open_mode::write | open_mode::create | open_mode::exclusive),
        "open");
    const std::vector<std::byte> sent(1 + random.below(100'000), static_cast<std::byte>(random.next()));
    std::vector<std::byte> got(sent.size());
    value(co_await made.write_at(0, sent), "write_at");
    if (random.one_in(8)) value(co_await made.sync(), "sync");
    expect(value(co_await made.read_at(0, got), "read_at") == sent.size(), "a file is too short");
    if (got != sent) in.counts_.fail("a file has changed bytes");
    value(co_await io::unlink(path), "unlink");
  }

  coro::task<> sleeps() {
    const auto time = some_time(3000);
    const auto begin = std::chrono::steady_clock::now();
    co_await coro::sleep_for(time);
    expect(std::chrono::steady_clock::now() - begin >= time, "a sleep was too short");
  }

  coro::task<> goes(fate what) {
    switch (what) {
      case fate::whole:
        return whole();
      case fate::left:
        return leaves(false);
      case fate::reset:
        return leaves(true);
      case fate::reset_by_peer:
        return is_reset();
      case fate::timed_out:
        return times_out();
      case fate::cancelled:
        return is_cancelled();
      case fate::refused:
        return is_refused();
      case fate::raced:
        return races();
      case fate::datagrams:
        return sends_datagrams();
      case fate::piped:
        return pipes();
      case fate::filed:
        return files();
      case fate::slept:
        break;
    }
    return sleeps();
  }

  static coro::task<> run(conversations& all, std::uint64_t seed) {
    talk self{all, random_source(seed)};
    const auto what = static_cast<fate>(self.random.below(fate_names.size()));
    try {
      co_await self.goes(what);
      ++all.counts_.ends[static_cast<std::size_t>(what)];
    } catch (const std::system_error& ended) {
      if (!is_cut(ended.code())) co_return;  // counted where it was seen
      ++all.counts_.cut_short;
      if (!all.may_be_cut_) all.counts_.fail("cut short while nothing ends: " + std::string(ended.what()));
    }
  }

  static coro::task<> serves(conversations& all) {
    coro::async_scope connections(all.pool_);
    coro::task<> over = connections.join();
    try {
      for (std::size_t served = 0;; ++served) {
        result<io::stream> peer = co_await all.at_.accept();
        if (!peer && is_cut(peer.error())) break;
        if (!peer) {
          all.counts_.fail("accept: " + peer.error().message());
        } else if (served % 2 == 0) {
          connections.spawn(serves_one(*std::move(peer)));
        } else {
          self_served::serve(all.pool_, *std::move(peer), all.callbacks_);
        }
      }
    } catch (const std::system_error&) {  // the pool takes no task any more
    }
    co_await std::move(over);
  }

  static coro::task<> all_of(conversations& all, std::size_t count) {
    coro::async_scope serving(all.pool_), clients(all.pool_);
    coro::task<> served = serving.join(), ended = clients.join();
    try {
      serving.spawn(serves(all));
      for (std::size_t i = 0; i < count; ++i) {
        clients.spawn(run(all, all.random_.next()));
        if (i % 64 == 63) co_await coro::sleep_for(1ms);
      }
    } catch (const std::system_error&) {  // the same
    }
    try {
      co_await std::move(ended);
    } catch (const std::system_error&) {
    }
    serving.request_stop();
    co_await std::move(served);
  }
};

conversations::conversations(conversation_counts& counts, std::uint64_t seed, std::uint32_t workers)
    : counts_(counts), random_(seed), pool_(pool_config{.max_threads = workers}) {
  directory_ = (std::filesystem::temp_directory_path() / "treadle_io_soak_XXXXXX").string();
  if (mkdtemp(directory_.data()) == nullptr) counts_.fail("mkdtemp");
  reserved_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof own;
  auto* const any = reinterpret_cast<sockaddr*>(&own);
  if (bind(reserved_, any, bytes) != 0 || getsockname(reserved_, any, &bytes) != 0) counts_.fail("bind");
  nobody_ = io::address::loopback(ntohs(own.sin_port));
  at_ = io::listener::listen(pool_, io::address::loopback(0)).value();
}

void conversations::finish() {
  end(shutdown_mode::drain);
  if (const std::error_code why = pool_.join()) counts_.fail("join: " + why.message());
  if (callbacks_ != 0) counts_.fail(std::to_string(callbacks_) + " connections without an end");
}

conversations::~conversations() {
  close(reserved_);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void conversations::run(std::size_t count) { coro::sync_wait(pool_, talk::all_of(*this, count)); }

void conversations::end(shutdown_mode how) {
  shutdown_report report = pool_.shutdown(how);
  if (report.error) counts_.fail("shutdown: " + report.error.message());
  while (task* const given_back = report.not_run.pop()) self_served::give_up(*given_back);
}

void conversations::cut_short(std::size_t count) {
  auto running = coro::spawn(pool_, talk::all_of(*this, count));
  std::this_thread::sleep_for(std::chrono::microseconds(random_.below(20'000)));
  may_be_cut_ = true;
  end(random_.one_in(2) ? shutdown_mode::drain : shutdown_mode::cancel);
  try {
    running.wait();
  } catch (const std::system_error& ended) {
    if (!is_cut(ended.code())) counts_.fail(std::string("shutdown: ") + ended.what());
  }
}

}  // namespace treadle::test
