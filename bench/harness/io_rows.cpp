#include "io_rows.hpp"

#include "row_parts.hpp"

namespace bench {

namespace {

class io_row_maker {
 public:
  io_row_maker(const row_options& options, std::vector<row>& rows) : options_(options), rows_(rows) {}

  void make() {
    for (const char* connections : {"1", "64", "1000"}) echo("64B", "64", connections);
    for (const char* connections : {"1", "64"}) echo("4KiB", "4096", connections);
    bound("staggered", "in turn, so that one of two workers is idle");
    bound("at_once", "both at the same time, with a look at what is ready each 100 us");
    idle();
    reads("cached", "1");
    for (const char* depth : {"1", "16", "64", "256"}) reads("direct", depth);
    for (const char* width : {"1", "2"}) coroutines(width);
    timers();
  }

 private:
  [[nodiscard]] std::string number(const char* key, unsigned long full, unsigned long quick) const {
    return std::string(key) + "=" + std::to_string(options_.quick ? quick : full);
  }

  /// The client with `arguments`, and behind it each server with its own.
  static std::vector<contender> served(const words& names, const words& arguments, const words& server) {
    std::vector<contender> result;
    for (const std::string& name : names) {
      words command{"peer_load"};
      command.insert(command.end(), arguments.begin(), arguments.end());
      command.insert(command.end(), {"--", program(name)});
      command.insert(command.end(), server.begin(), server.end());
      result.push_back({name, std::move(command), true});
    }
    return result;
  }

  /// Who has its rows with input and output in a program of their own, and who in the same as all others.
  static std::string program(const std::string& name) {
    const bool is_apart = name == "treadle" || name == "raw" || name == "asio";
    return "peer_" + name + (is_apart ? "_io" : "");
  }

  static std::vector<contender> those(const words& names, const words& arguments) {
    std::vector<contender> result;
    for (const std::string& name : names) {
      words command{program(name)};
      command.insert(command.end(), arguments.begin(), arguments.end());
      result.push_back({name, std::move(command), true});
    }
    return result;
  }

  void echo(const std::string& size, const std::string& bytes, const std::string& connections) {
    const metric cpu_us{"cpu_ns", "CPU of the server", "us", 1e-3, ""}, wall_us{"wall_ns", "wall", "us", 1e-3, ""};
    const metric user_us{"user_ns", "of that, user", "us", 1e-3, ""}, slept{"switches", "switches", "", 1, ""};
    const words client{"echo", "connections=" + connections, "bytes=" + bytes, number("ms", 500, 100)};
    std::vector<contender> all =
        served({"treadle", "raw", "asio", "libuv", "libevent", "tokio", "go"}, client, {"echo_server", "workers=1"});
    // What can be had by not asking whether there is more.
    std::vector<contender> fewer = served({"raw"}, client, {"echo_server", "form=once"});
    fewer.front().name = "raw_once";
    all.insert(all.begin() + 2, fewer.front());
    std::vector<bar> bars{{cpu_us.label, 1 / 0.95, "raw"}};
    for (const char* rival : {"asio", "libuv", "libevent", "tokio", "go"}) bars.push_back({cpu_us.label, 1, rival});
    rows_.push_back({"echo/tcp/" + size + "/" + connections,
                     "TCP echo of " + size + " on a processor of its own, a request, with connections: " + connections,
                     {cpu_us, wall_us, user_us, slept},
                     std::move(all),
                     std::move(bars)});
  }

  void bound(const std::string& mode, const std::string& how) {
    const metric p999{"p999_ns", "p99.9", "ms", 1e-6, ""}, p99{"p99_ns", "p99", "ms", 1e-6, ""};
    const metric p50{"p50_ns", "p50", "us", 1e-3, ""}, over{"p999_ns", "p99.9 over a thread", "ms", 1e-6, "thread"};
    const words client{"bound", "connections=64", number("ms", 1000, 300)};
    const words server{"bound_server", "workers=2", "mode=" + mode};
    std::vector<contender> all = served({"treadle", "raw", "asio", "tokio", "go"}, client, server);
    all[1].name = "thread";
    std::vector<bar> bars{mode == "staggered" ? bar{over.label, 1e6, ""} : bar{p999.label, 10.1e6, ""}};
    for (const char* rival : {"asio", "tokio", "go"}) bars.push_back({p999.label, 1, rival});
    rows_.push_back({"bound/" + mode,
                     "echo of 4,000 messages a second while workers compute for 10 ms each 100 ms, " + how,
                     {p999, over, p99, p50},
                     std::move(all),
                     std::move(bars)});
  }

  void idle() {
    const words client{"idle", number("connections", 10'000, 1000), number("ms", 3000, 500)};
    rows_.push_back({"idle/connections",
                     "10,000 connections that say nothing, for 3 s, after one message each",
                     {{"switches", "switches", "", 1, ""},
                      {"idle_cpu_ms", "CPU", "ms", 1, ""},
                      {"memory_bytes", "memory a connection", "B", 1, ""}},
                     served({"treadle", "raw", "asio", "libuv", "libevent", "tokio", "go"}, client,
                            {"echo_server", "workers=1", "room=rare"}),
                     {{"switches", 0, ""}, {"idle_cpu_ms", 0, ""}, {"memory_bytes", 1024, ""}},
                     true,
                     false});
  }

  void reads(const std::string& form, const std::string& depth) {
    const words arguments{"random_reads", "form=" + form, "depth=" + depth, number("n", 20'000, 2'000), "workers=1"};
    std::vector<contender> all = those({"treadle"}, arguments);
    for (const char* peer : {"raw", "fio"}) {
      words command{std::string("peer_") + peer + "_reads"};
      command.insert(command.end(), arguments.begin(), arguments.end());
      all.push_back({peer, std::move(command), true});
    }
    rows_.push_back({"reads/" + form + "/" + depth,
                     "4 KiB read at random out of a file of 256 MiB, " + form + ", so many at a time: " + depth,
                     {wall, cpu},
                     std::move(all),
                     {{"wall_ns", 1 / 0.95, "fio"}, {"cpu_ns", 1.2, "fio"}}});
  }

  void coroutines(const std::string& width) {
    const metric allocated{"allocations", "allocations per 1,000", "", 1, ""};
    const struct {
      const char *name, *title;
      unsigned long full, quick;
    } all[] = {{"spawn_join", "a coroutine spawns one and awaits it", 200'000, 20'000},
               {"yield", "100 coroutines give way to each other, a turn", 1'000'000, 100'000},
               {"channel", "two coroutines hand a number to and fro over channels, one way", 200'000, 20'000},
               {"when_all_1000", "1,000 coroutines that do nothing, awaited together, each", 1'000'000, 100'000}};
    for (const auto& each : all) {
      const std::string offered = each.name == std::string("when_all_1000") ? "when_all" : each.name;
      rows_.push_back(
          {std::string("coroutine/") + each.name + "/" + width,
           std::string(each.title) + ", with workers: " + width,
           {wall, cpu, allocated},
           those({"treadle", "asio", "tokio", "go"},
                 {"coroutine_" + offered, number("n", each.full, each.quick), "workers=" + width}),
           {{"wall_ns", 1, "asio"}, {"wall_ns", 1, "tokio"}, {"wall_ns", 1, "go"}, {allocated.label, 0, ""}}});
    }
  }

  void timers() {
    const words who{"treadle", "asio", "libuv", "tokio", "go"};
    const std::string n = number("n", 1'000'000, 100'000);
    const metric arm{"arm_ns", "arm", "ns", 1, ""}, cancel{"cancel_ns", "cancel", "ns", 1, ""};
    rows_.push_back({"timers/arm_cancel",
                     "1 M timers of 10 to 60 s (tokio: 200,000) are armed, then 99 % cancelled, each",
                     {arm, cancel, cpu, peak},
                     timed("timers_arm_cancel", n),
                     ahead_of(who, arm.label, {{arm.label, 30, ""}})});
    rows_.push_back({"timers/rearm",
                     "with 1 M armed timers (tokio: 200,000), one of them at random is armed anew",
                     {wall, cpu, peak},
                     timed("timers_rearm", n),
                     ahead_of(who, wall.label, {{wall.label, 120, ""}})});
    const metric late99{"p99_ns", "p99 late", "ms", 1e-6, ""}, late50{"p50_ns", "p50 late", "ms", 1e-6, ""};
    rows_.push_back({"timers/expire",
                     "of 1 M armed timers (tokio: 200,000) a tenth expires within half a second, each",
                     {cpu, late99, late50, peak},
                     timed("timers_expire", n),
                     ahead_of(who, cpu.label, {{late99.label, 1.2e6, ""}})});
  }

  /// Those of tokio cost so much that it gets fewer.
  [[nodiscard]] std::vector<contender> timed(const std::string& row, const std::string& n) const {
    std::vector<contender> all = those({"treadle", "asio", "libuv", "go"}, {row, n});
    all.push_back(those({"tokio"}, {row, number("n", 200'000, 20'000)}).front());
    return all;
  }

  static std::vector<bar> ahead_of(const words& who, const std::string& label, std::vector<bar> bars) {
    for (const std::string& rival : who) {
      if (rival != "treadle") bars.push_back({label, 1, rival});
    }
    return bars;
  }

  const row_options& options_;
  std::vector<row>& rows_;
};

}  // namespace

void add_io_rows(const row_options& options, std::vector<row>& rows) { io_row_maker(options, rows).make(); }

}  // namespace bench
