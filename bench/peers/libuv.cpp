#include "../workload/serving.hpp"
#include "../workload/timing.hpp"

#include <netinet/in.h>
#include <uv.h>

#include <array>
#include <deque>

namespace {

// ---- the server ----------------------------------------------------------------------------------------------------

uv_stream_t* as_stream(uv_tcp_t* socket) { return reinterpret_cast<uv_stream_t*>(socket); }

void require(int error) {
  if (error >= 0) return;
  std::fprintf(stderr, "libuv: %s\n", uv_strerror(error));
  std::_Exit(2);
}

/// One room for all: what comes in is sent before anything else is read.
void give_room(uv_handle_t*, std::size_t, uv_buf_t* room) {
  static std::array<char, bench::room_bytes> only;
  *room = uv_buf_init(only.data(), only.size());
}

void leave(uv_stream_t* peer) {
  uv_close(reinterpret_cast<uv_handle_t*>(peer),
           [](uv_handle_t* closed) { delete reinterpret_cast<uv_tcp_t*>(closed); });
}

void answer(uv_stream_t* peer, ssize_t got, const uv_buf_t* room) {
  if (got < 0) leave(peer);
  if (got <= 0) return;
  const uv_buf_t message = uv_buf_init(room->base, static_cast<unsigned>(got));
  if (uv_try_write(peer, &message, 1) != got) leave(peer);
}

void accept(uv_stream_t* listener, int status) {
  require(status);
  auto* const made = new uv_tcp_t;
  require(uv_tcp_init(listener->loop, made));
  require(uv_accept(listener, as_stream(made)));
  require(uv_read_start(as_stream(made), give_room, answer));
}

void serve_echo(const bench::request&, bench::answer&) {
  uv_loop_t* const loop = uv_default_loop();
  uv_tcp_t listener;
  sockaddr_in at{};
  require(uv_ip4_addr("127.0.0.1", 0, &at));
  require(uv_tcp_init(loop, &listener));
  require(uv_tcp_bind(&listener, reinterpret_cast<const sockaddr*>(&at), 0));
  require(uv_listen(as_stream(&listener), 4096, accept));
  int bytes = sizeof at;
  require(uv_tcp_getsockname(&listener, reinterpret_cast<sockaddr*>(&at), &bytes));
  bench::announce(ntohs(at.sin_port));
  uv_run(loop, UV_RUN_DEFAULT);
}

// ---- timers --------------------------------------------------------------------------------------------------------

constexpr std::uint64_t ms_ns = 1'000'000;

/// libuv counts in milliseconds, from the start of the loop's turn.
struct alarms {
  explicit alarms(const bench::request& asked) : all(asked.number("n", ms_ns)) {
    for (uv_timer_t& each : all) uv_timer_init(loop, &each);
  }
  void arm(std::uint64_t i, std::uint64_t ns) {
    uv_timer_start(
        &all[i], [](uv_timer_t*) {}, ns / ms_ns, 0);
  }
  uv_loop_t* loop = uv_default_loop();
  std::deque<uv_timer_t> all;
};

void arm_cancel(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  bench::measure_arm_cancel(
      asked, given, [&](std::uint64_t i, std::uint64_t ns) { timers.arm(i, ns); },
      [&](std::uint64_t i) { uv_timer_stop(&timers.all[i]); }, [] {});
}

void rearm(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  const auto arm = [&](std::uint64_t i, std::uint64_t ns) { timers.arm(i, ns); };
  bench::measure_rearm(asked, given, arm, arm, [] {});
}

void expire(const bench::request& asked, bench::answer& given) {
  static alarms timers(asked);
  static std::vector<bench::due_time> due;
  const auto arm_due = [&](std::uint64_t i, std::uint64_t at_ns) {
    timers.all[i].data = &due[i];
    uv_update_time(timers.loop);
    // Rounded up, so that none is early.
    const std::uint64_t after = (at_ns - bench::wall_ns() + 2 * ms_ns - 1) / ms_ns;
    uv_timer_start(
        &timers.all[i], [](uv_timer_t* expired) { static_cast<bench::due_time*>(expired->data)->note(); }, after, 0);
  };
  bench::measure_expire(
      asked, given, due, [&](std::uint64_t i, std::uint64_t ns) { timers.arm(i, ns); }, arm_due,
      [&](std::uint64_t) {
        while (bench::noted_here() < due.size()) uv_run(timers.loop, UV_RUN_ONCE);
      });
}

constexpr bench::entry rows[] = {
    {"echo_server", serve_echo}, {"timers_arm_cancel", arm_cancel}, {"timers_rearm", rearm}, {"timers_expire", expire}};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, rows); }
