#include "fetch.hpp"

#include "../hash_cli.hpp"
#include "../install/folder.hpp"
#include "../output.hpp"
#include "../text.hpp"
#include "transfer.hpp"

#include <treadle/coro/async_scope.hpp>
#include <treadle/coro/sync_wait.hpp>
#include <treadle/http.hpp>
#include <treadle/io/limiter.hpp>
#include <treadle/version.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <new>
#include <system_error>

namespace tool::fetch {

namespace {

using clock = std::chrono::steady_clock;
using json = nlohmann::ordered_json;

double seconds_since(clock::time_point start) { return std::chrono::duration<double>(clock::now() - start).count(); }

/// How one file ended.
struct ended {
  progress state;
  double seconds = 0;
  std::string why;  ///< empty: all well
};

class job {
 public:
  job(treadle::thread_pool& pool, const options& asked, const std::vector<item>& items)
      : pool_(pool),
        asked_(asked),
        items_(items),
        client_(pool, configure(asked)),
        turn_(asked.most_at_a_time),
        ends_(items.size()),
        shows_bar_(::isatty(STDERR_FILENO) == 1) {}

  /// Fetches all. Returns the exit status.
  int run();

 private:
  static treadle::http::client_options configure(const options& asked);
  treadle::coro::task<> fetch_one(std::size_t index);
  void print_end(std::size_t index);
  void show_progress();
  [[nodiscard]] std::string summary() const;
  [[nodiscard]] json as_json() const;

  treadle::thread_pool& pool_;
  const options& asked_;
  const std::vector<item>& items_;
  treadle::http::client client_;
  treadle::io::limiter turn_;  ///< who waits has no file open
  std::vector<ended> ends_;
  bool shows_bar_;
  clock::time_point start_ = clock::now();
  complaints faults_{false};
  std::atomic<std::uint64_t> bytes_{0};        ///< relaxed, as the next two: for the bar and the summary
  std::atomic<std::uint64_t> known_bytes_{0};  ///< of the files whose size is known
  std::atomic<std::size_t> done_{0};
  std::mutex printing_;  ///< guards standard output and what follows
  clock::time_point bar_drawn_{};
};

treadle::http::client_options job::configure(const options& asked) {
  treadle::http::client_options how;
  how.max_in_flight = asked.most_at_a_time;
  how.max_per_host = asked.most_per_host;
  how.user_agent = "treadle/" TREADLE_VERSION_STRING;
  return how;
}

void job::show_progress() {
  if (!shows_bar_) return;
  const std::unique_lock exclusive(printing_, std::try_to_lock);
  if (!exclusive || clock::now() - bar_drawn_ < std::chrono::milliseconds(100)) return;
  bar_drawn_ = clock::now();
  const auto bytes = static_cast<double>(bytes_.load(std::memory_order_relaxed));
  const auto known = static_cast<double>(known_bytes_.load(std::memory_order_relaxed));
  const double rate = bytes / std::max(seconds_since(start_), 1e-3);
  std::string bar = fmt::format("{} of {} files, {}, {}/s", done_.load(std::memory_order_relaxed), items_.size(),
                                human_bytes(bytes), human_bytes(rate));
  if (known > bytes && rate > 0) bar += fmt::format(", {:.0f} s left", (known - bytes) / rate);
  faults_.show_bar(bar);
}

void job::print_end(std::size_t index) {
  const ended& how = ends_[index];
  if (!how.why.empty()) return faults_.note(readable(items_[index].url) + ": " + how.why);
  if (asked_.wants_json) return;
  const std::lock_guard exclusive(printing_);
  if (shows_bar_) faults_.show_bar("");
  if (how.state.was_there) {
    fmt::print(stdout, "{}: is there already\n", readable(items_[index].name));
    return;
  }
  const auto fetched = static_cast<double>(how.state.bytes - how.state.resumed_bytes);
  fmt::print(stdout, "{}: {} at {}/s{}\n", readable(items_[index].name),
             human_bytes(static_cast<double>(how.state.bytes)), human_bytes(fetched / std::max(how.seconds, 1e-3)),
             how.state.resumed_bytes > 0
                 ? fmt::format(", {} of it from before", human_bytes(static_cast<double>(how.state.resumed_bytes)))
                 : "");
}

treadle::coro::task<> job::fetch_one(std::size_t index) {
  const treadle::io::limiter::permit mine = co_await turn_.acquire();
  const clock::time_point start = clock::now();
  ended& end = ends_[index];
  bool is_size_known = false;
  transfer* running = nullptr;
  transfer one(client_, asked_, items_[index], [&](std::uint64_t more) {
    bytes_.fetch_add(more, std::memory_order_relaxed);
    if (!is_size_known && running->state().total_bytes) {
      is_size_known = true;
      known_bytes_.fetch_add(*running->state().total_bytes, std::memory_order_relaxed);
    }
    show_progress();
  });
  running = &one;
  try {
    co_await one.run();
  } catch (const std::bad_alloc&) {
    end.why = "there is no memory left for it";
  } catch (const std::exception& error) {
    end.why = error.what();
  }
  end.state = one.state();
  end.seconds = seconds_since(start);
  done_.fetch_add(1, std::memory_order_relaxed);
  print_end(index);
}

std::string job::summary() const {
  std::size_t failed = 0;
  for (const ended& each : ends_) failed += each.why.empty() ? 0U : 1U;
  const double seconds = seconds_since(start_);
  const auto bytes = static_cast<double>(bytes_.load(std::memory_order_relaxed));
  std::string text = fmt::format("{} of {} files, {} in {:.2f} s, {}/s\n", items_.size() - failed, items_.size(),
                                 human_bytes(bytes), seconds, human_bytes(bytes / std::max(seconds, 1e-3)));
  if (failed == 0) return text;
  text += fmt::format("{} failed:\n", failed);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    if (!ends_[i].why.empty()) text += readable(items_[i].url) + '\n';
  }
  return text;
}

json job::as_json() const {
  json files = json::array();
  std::size_t failed = 0;
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const ended& end = ends_[i];
    json each{{"url", items_[i].url},     {"path", asked_.folder + '/' + items_[i].name}, {"ok", end.why.empty()},
              {"bytes", end.state.bytes}, {"resumed_from", end.state.resumed_bytes},      {"status", end.state.status},
              {"seconds", end.seconds}};
    if (end.state.was_there) each["was_there"] = true;
    if (!end.why.empty()) each["error"] = end.why;
    failed += end.why.empty() ? 0U : 1U;
    files.push_back(std::move(each));
  }
  return {{"files", std::move(files)},
          {"summary",
           {{"files", items_.size()},
            {"failed", failed},
            {"bytes", bytes_.load(std::memory_order_relaxed)},
            {"seconds", seconds_since(start_)}}}};
}

int job::run() {
  const auto body = [&]() -> treadle::coro::task<> {
    treadle::coro::async_scope all(pool_);
    for (std::size_t i = 0; i < items_.size(); ++i) all.spawn(fetch_one(i));
    co_await all.join();
  };
  treadle::coro::sync_wait(pool_, body());
  faults_.show_bar("");
  const std::string text =
      asked_.wants_json ? as_json().dump(2, ' ', true, json::error_handler_t::replace) + '\n' : summary();
  fmt::print(stdout, "{}", text);
  if (std::fflush(stdout) != 0) {
    faults_.note("standard output: " + std::generic_category().message(errno));
    return 1;
  }
  for (const ended& each : ends_) {
    if (!each.why.empty()) return 1;
  }
  return 0;
}

}  // namespace

int run(const options& asked) {
  complaints faults(false);
  try {
    const std::vector<item> items = read_items(asked);
    install::make_folders(AT_FDCWD, asked.folder, 0777);
    treadle::pool_config config;
    config.name = "treadle-fetch";
    treadle::thread_pool pool(config);
    if (const std::error_code error = pool.start()) {
      faults.note("the thread pool cannot start: " + error.message());
      return 1;
    }
    return job(pool, asked, items).run();
  } catch (const bad_option&) {
    throw;
  } catch (const std::exception& error) {
    faults.note(error.what());
    return 1;
  }
}

}  // namespace tool::fetch
