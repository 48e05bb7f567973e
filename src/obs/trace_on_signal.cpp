#include "../os/os.hpp"

#include <treadle/detail/system_policy.hpp>
#include <treadle/obs/trace_on_signal.hpp>
#include <treadle/obs/write_trace.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <system_error>
#include <utility>

namespace treadle::obs {

namespace os = detail::os;
using detail::system_policy;

/// The thread that writes, and what asks it to.
class trace_on_signal::scribe {
 public:
  scribe(thread_pool& pool, int signal, std::string file, std::chrono::nanoseconds last)
      : pool_(pool), signal_(signal), file_(std::move(file)), last_(last) {}
  ~scribe() {
    if (thread_ == nullptr) return;
    stops_.store(true, std::memory_order_relaxed);
    ask();
    os::join_thread(thread_);
  }
  scribe(const scribe&) = delete;
  scribe& operator=(const scribe&) = delete;

  /// Puts it in the place of its signal, and starts it.
  void begin() {
    if (signal_ < 1 || signal_ > os::last_signal) fail(EINVAL, "this is no signal");
    scribe* none = nullptr;
    if (!of_signal()[index()].compare_exchange_strong(none, this, std::memory_order_seq_cst)) {  // E-SIGNAL
      fail(EBUSY, "this signal has one already");
    }
    os::thread_options options;
    options.name = "trace";
    if (!os::start_thread(&thread_, &write_when_asked, this, options)) {
      leave_place();
      fail(EAGAIN, "no thread");
    }
    if (const int failed = os::take_signal(signal_, &on_signal); failed != 0) {
      leave_place();
      fail(-failed, "the signal cannot be had");
    }
  }
  void end() noexcept {
    os::give_signal_back(signal_);
    leave_place();
  }
  [[nodiscard]] std::uint64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }

 private:
  using word = system_policy::atomic<std::uint32_t>;
  static constexpr std::int64_t longest_wait_ns = 5'000'000'000;

  [[noreturn]] static void fail(int error, const char* why) {
    throw std::system_error(error, std::system_category(), std::string("treadle::obs::trace_on_signal: ") + why);
  }

  static std::array<system_policy::atomic<scribe*>, os::last_signal + 1>& of_signal() noexcept {
    static constinit std::array<system_policy::atomic<scribe*>, os::last_signal + 1> table{};
    return table;
  }
  static word& handlers() noexcept {
    static constinit word count{0};
    return count;
  }
  [[nodiscard]] std::size_t index() const noexcept { return static_cast<std::size_t>(signal_); }

  /// No handler is at it any more when this returns.
  void leave_place() noexcept {
    of_signal()[index()].store(nullptr, std::memory_order_seq_cst);                              // E-SIGNAL
    while (handlers().load(std::memory_order_seq_cst) != 0) detail::sleep_thread(short_nap_ns);  // E-SIGNAL
  }

  static void on_signal(int number) {
    const int error = errno;
    handlers().fetch_add(1, std::memory_order_seq_cst);                                                   // E-SIGNAL
    scribe* const asked = of_signal()[static_cast<std::size_t>(number)].load(std::memory_order_seq_cst);  // E-SIGNAL
    const bool is_last = os::ends_the_process(number);
    if (asked != nullptr && !asked->pool_.core().is_inherited()) {
      const std::uint32_t mine = asked->ask();
      if (is_last) asked->wait_for(mine);
    }
    handlers().fetch_sub(1, std::memory_order_seq_cst);  // E-SIGNAL
    if (is_last) {
      os::give_signal_back(number);
      os::raise_again(number);
    }
    errno = error;
  }

  std::uint32_t ask() noexcept {
    const std::uint32_t mine = asked_.fetch_add(1, std::memory_order_release) + 1;  // E-SCRIBE
    system_policy::futex_wake(&asked_, 1);
    return mine;
  }
  void wait_for(std::uint32_t mine) noexcept {
    if (os::thread_number() == number_.load(std::memory_order_relaxed)) return;
    const std::int64_t deadline_ns = detail::monotonic_ns() + longest_wait_ns;
    for (;;) {
      const std::uint32_t done = done_.load(std::memory_order_acquire);  // E-SCRIBE
      if (static_cast<std::int32_t>(done - mine) >= 0) return;
      if (!system_policy::futex_wait(done_, done, deadline_ns)) return;
    }
  }

  static void write_when_asked(void* argument) noexcept {
    scribe& self = *static_cast<scribe*>(argument);
    self.number_.store(os::thread_number(), std::memory_order_relaxed);
    for (std::uint32_t done = 0;;) {
      const std::uint32_t asked = self.asked_.load(std::memory_order_acquire);  // E-SCRIBE
      if (self.stops_.load(std::memory_order_relaxed)) return;
      if (asked == done) {
        system_policy::futex_wait(self.asked_, asked, detail::no_deadline);
        continue;
      }
      self.write();
      done = asked;
      self.done_.store(done, std::memory_order_release);  // E-SCRIBE
      system_policy::futex_wake(&self.done_, detail::wake_all);
    }
  }

  void write() noexcept {
    try {
      const std::string part = file_ + ".part";
      std::ofstream into(part, std::ios::trunc | std::ios::binary);
      write_trace(pool_, into, last_);
      into.close();
      if (into.good() && std::rename(part.c_str(), file_.c_str()) == 0) {
        written_.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      std::fprintf(stderr, "treadle: the trace cannot be written to %s: %s\n", file_.c_str(),
                   std::system_category().message(errno).c_str());
    } catch (const std::exception& failed) {
      std::fprintf(stderr, "treadle: the trace cannot be written to %s: %s\n", file_.c_str(), failed.what());
    }
  }

  static constexpr std::int64_t short_nap_ns = 50'000;

  thread_pool& pool_;
  const int signal_;
  const std::string file_;
  const std::chrono::nanoseconds last_;
  void* thread_ = nullptr;
  word asked_{0}, done_{0}, number_{0};
  system_policy::atomic<bool> stops_{false};
  system_policy::atomic<std::uint64_t> written_{0};
};

trace_on_signal::trace_on_signal(thread_pool& pool, int signal, std::string file, std::chrono::nanoseconds last)
    : scribe_(std::make_unique<scribe>(pool, signal, std::move(file), last)) {
  scribe_->begin();
}

trace_on_signal::~trace_on_signal() { scribe_->end(); }

std::uint64_t trace_on_signal::written() const noexcept { return scribe_->written(); }

}  // namespace treadle::obs
