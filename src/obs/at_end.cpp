#include "../core/at_end.hpp"

#include "../os/os.hpp"
#include "timeline.hpp"

#include <treadle/detail/pool_core.hpp>
#include <treadle/obs/trace_on_signal.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <list>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

namespace treadle::detail {

namespace {

/// Returns the file that the environment names; empty if it names none, or none any more.
std::string_view asked_for() noexcept {
  const char* const file = secure_getenv("TREADLE_TRACE");
  return file != nullptr ? file : "";
}

/// What ends a process that did not ask for it.
constexpr std::array ends = {SIGABRT, SIGSEGV, SIGTERM, SIGINT};

struct traced {
  pool_core* pool = nullptr;
  std::string file;
  std::list<obs::trace_on_signal> at_the_end;
};

/// The traced pools of a process. Never destroyed: pools with static storage end after everything.
struct process {
  std::mutex mutex;
  std::string file{asked_for()};
  std::uint32_t number = os::process_number();
  std::uint32_t pools = 0;
  std::list<traced> all;
};

/// Throws std::bad_alloc, and then again makes it at the next call.
process& this_process() {
  static process* const made = new process;
  return *made;
}

/// The first pool's trace is the file that was asked for; that of the second has .2 at its end.
std::string file_of(const process& whole, std::uint32_t number) {
  return number == 1 ? whole.file : whole.file + '.' + std::to_string(number);
}

void complain(const std::string& file, const char* why) {
  std::fprintf(stderr, "treadle: the trace cannot be written to %s: %s\n", file.c_str(), why);
}

void write(const traced& of) {
  const std::string part = of.file + ".part";
  std::ofstream into(part, std::ios::trunc | std::ios::binary);
  into << obs::last_trace_of(*of.pool);
  into.close();
  if (!into.good() || std::rename(part.c_str(), of.file.c_str()) != 0) {
    complain(of.file, std::system_category().message(errno).c_str());
  }
}

void write_all_at_exit() {
  try {
    process& whole = this_process();
    if (os::process_number() != whole.number) return;  // a child of fork: the file is its parent's
    const std::lock_guard lock(whole.mutex);
    for (traced& each : whole.all) {
      each.at_the_end.clear();
      write(each);
    }
  } catch (const std::exception& failed) {
    complain("its file", failed.what());
  }
}

}  // namespace

bool is_traced() noexcept { return !asked_for().empty(); }

void begin_process_trace(pool_core& pool) noexcept {
  try {
    process& whole = this_process();
    if (os::process_number() != whole.number || whole.file.empty()) return;
    const std::lock_guard lock(whole.mutex);
    if (whole.pools == 0 && std::atexit(&write_all_at_exit) != 0) throw std::bad_alloc();
    traced& made = whole.all.emplace_back();
    made.pool = &pool;
    made.file = file_of(whole, ++whole.pools);
    if (whole.pools > 1) return;  // a signal brings the first pool's trace
    for (const int signal : ends) made.at_the_end.emplace_back(pool.face(), signal, made.file);
  } catch (const std::exception& failed) {
    complain("its file", failed.what());
  }
}

void end_process_trace(pool_core& pool) noexcept {
  try {
    process& whole = this_process();
    if (os::process_number() != whole.number) return;
    const std::lock_guard lock(whole.mutex);
    const auto found =
        std::find_if(whole.all.begin(), whole.all.end(), [&pool](const traced& each) { return each.pool == &pool; });
    if (found == whole.all.end()) return;
    found->at_the_end.clear();
    write(*found);
    whole.all.erase(found);
  } catch (const std::exception& failed) {
    complain("its file", failed.what());
  }
}

}  // namespace treadle::detail
