// A program that works for a while under what it is told to do to itself. Exit status 77: this machine cannot do that.
#include "../../process/programs/check.hpp"

#include <treadle/treadle.hpp>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using program::eventually;

namespace {

constexpr int cannot = 77;

struct counted : treadle::task {
  counted() noexcept : task([](task* self) noexcept { static_cast<counted*>(self)->runs.fetch_add(1); }) {}
  std::atomic<int> runs{0};
};

treadle::pool_config config_of(std::uint32_t threads, bool retires, treadle::pin_policy pin = {}) {
  treadle::pool_config config;
  config.max_threads = threads;
  if (retires) config.retire_after = 50us;
  config.pin = pin;
  return config;
}

int descend(treadle::thread_pool& pool, int depth) {
  if (depth == 0) return 1;
  auto left = pool.submit([&, depth] { return descend(pool, depth - 1); });
  auto right = pool.submit([&, depth] { return descend(pool, depth - 1); });
  return left.get() + right.get();
}

/// A bit of everything, with the sums that it must come to.
void use(treadle::thread_pool& pool) {
  std::array<counted, 60> tasks;
  treadle::batch group;
  for (std::size_t i = 0; i < 40; ++i) CHECK_OK(pool.schedule(tasks[i]));
  for (std::size_t i = 40; i < 60; ++i) group.push(tasks[i]);
  CHECK_OK(pool.schedule(group));
  CHECK(pool.run([&] { return descend(pool, 5); }) == 32);
  int on_strand = 0;
  {
    treadle::strand queue(pool);
    for (int i = 0; i < 10; ++i) {
      CHECK_OK(queue.post([&on_strand, i] {
        CHECK(on_strand == i);
        ++on_strand;
      }));
    }
  }
  CHECK_OK(pool.post([] { treadle::blocking([] { std::this_thread::sleep_for(300us); }); }));
  CHECK_OK(pool.drain());
  CHECK(on_strand == 10);
  for (const counted& each : tasks) CHECK(each.runs == 1);
}

void work_for(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  for (std::uint32_t round = 0; round < 3 || std::chrono::steady_clock::now() < end; ++round) {
    treadle::thread_pool pool(config_of(1 + round % 4, round % 2 == 0));
    use(pool);
    use(pool);
    CHECK_OK(pool.join());
  }
}

void work() { work_for(100ms); }

/// In a child of fork() the pools of the parent are refused, whether the handlers could be registered at load time.
void fork_then_work() {
  treadle::thread_pool pool(config_of(2, false));
  use(pool);
  program::in_child([&] {
    CHECK(pool.post([] {}) == make_error_code(treadle::errc::inherited_by_fork));
    treadle::thread_pool own(config_of(1, false));
    use(own);
  });
  use(pool);
}

/// Without fork handlers no pool starts, and says why.
void no_fork_handlers() {
  treadle::thread_pool pool(config_of(2, false));
  CHECK(pool.start() == make_error_code(treadle::errc::out_of_memory));
  CHECK(pool.post([] {}) == make_error_code(treadle::errc::out_of_memory));
}

// ---- filters of system calls ---------------------------------------------------------------------------------------

/// Makes the kernel answer `number` with `error`, for all threads of the process and for good.
void deny(int number, int error) {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(cannot);
  std::array<sock_filter, 4> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{static_cast<unsigned short>(rules.size()), rules.data()};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) _exit(cannot);
}

void denied(int number, int error) {
  deny(number, error);
  errno = 0;
  CHECK(syscall(number, 0, 0, 0) == -1 && errno == error);
  CHECK(treadle::available_parallelism() >= 1);
  work();
  treadle::thread_pool pinned(config_of(2, false, treadle::pin_policy::compact()));
  use(pinned);
}

/// The filter comes while workers sleep and rely on the barrier that it takes away.
void denied_later() {
  treadle::thread_pool pool(config_of(4, false));
  use(pool);
  deny(SYS_membarrier, EPERM);
  for (int i = 0; i < 20; ++i) use(pool);
}

// ---- control groups ------------------------------------------------------------------------------------------------

/// A control group of its own below the process's, or the end of the program where there can be none.
class control_group {
 public:
  explicit control_group(const std::string& controller) {
    const std::string root = "/sys/fs/cgroup/" + controller;
    folder_ = root + own_path(controller) + "/treadle-" + std::to_string(getpid());
    home_ = root + own_path(controller);
    if (mkdir(folder_.c_str(), 0755) != 0) _exit(cannot);
  }
  control_group(const control_group&) = delete;
  control_group& operator=(const control_group&) = delete;
  ~control_group() {
    static_cast<void>(write(home_ + "/cgroup.procs", std::to_string(getpid())));
    rmdir(folder_.c_str());
  }
  void set(const std::string& file, const std::string& value) const {
    if (!write(folder_ + "/" + file, value)) give_up();
  }
  void enter() const { set("cgroup.procs", std::to_string(getpid())); }

 private:
  static bool write(const std::string& path, const std::string& value) {
    std::ofstream out(path);
    out << value << std::flush;
    return static_cast<bool>(out);
  }
  /// Version 1 alone: version 2 lets no process stay beside a group below.
  static std::string own_path(const std::string& controller) {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
      const std::size_t first = line.find(':'), second = line.find(':', first + 1);
      if (second == std::string::npos) continue;
      const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
      if (controllers.find("," + controller + ",") != std::string::npos) return line.substr(second + 1);
    }
    _exit(cannot);
  }
  [[noreturn]] void give_up() const {
    rmdir(folder_.c_str());
    _exit(cannot);
  }

  std::string folder_, home_;
};

/// Two threads beside the first, then none: the same answer as from RLIMIT_NPROC, for root, too.
void few_pids() {
  const control_group group("pids");
  group.set("pids.max", "3");
  group.enter();
  treadle::thread_pool pool(config_of(8, false));
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (pool.stats().thread_start_failures == 0 && std::chrono::steady_clock::now() < end) use(pool);
  CHECK(pool.stats().thread_start_failures >= 1);
  use(pool);
  CHECK(pool.stats().threads <= 2);
}

void tenth_of_a_cpu() {
  const control_group group("cpu");
  group.set("cpu.cfs_period_us", "100000");
  group.set("cpu.cfs_quota_us", "10000");
  group.enter();
  CHECK(treadle::available_parallelism() == 1);
  treadle::thread_pool pool;
  CHECK_OK(pool.start());
  CHECK(pool.worker_limit() == 1);
  use(pool);
  treadle::thread_pool wide(config_of(8, false));
  use(wide);
}

// ---- signals -------------------------------------------------------------------------------------------------------

/// Threads that stop in the middle of anything: a handler naps on whichever thread the signal finds.
void nap_in_handlers(int flags) {
  struct sigaction action {};
  action.sa_handler = [](int) {
    const int before = errno;
    const timespec nap{0, 2'000'000};
    nanosleep(&nap, nullptr);
    errno = before;
  };
  action.sa_flags = flags;
  CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
  std::atomic<bool> over{false};
  std::thread stopper([&] {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    std::mt19937 random(static_cast<unsigned>(getpid()));
    while (!over) {
      std::vector<pid_t> threads;
      for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        threads.push_back(std::atoi(entry.path().filename().c_str()));
      }
      for (int i = 0; i < 8; ++i) {
        syscall(SYS_tgkill, getpid(), threads[random() % threads.size()], SIGUSR1);
        std::this_thread::sleep_for(200us);
      }
    }
  });
  work_for(400ms);
  over = true;
  stopper.join();
}

/// A child stops and continues this process at random instants.
void stopped_and_continued() {
  const pid_t parent = getpid();
  const pid_t stopper = fork();
  CHECK(stopper >= 0);
  if (stopper == 0) {
    std::mt19937 random(static_cast<unsigned>(parent));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent) {
      usleep(static_cast<useconds_t>(random() % 4'000));
      kill(parent, SIGSTOP);
      usleep(static_cast<useconds_t>(random() % 4'000));
      kill(parent, SIGCONT);
    }
    _exit(0);
  }
  work_for(400ms);
  kill(stopper, SIGKILL);
  kill(parent, SIGCONT);
  CHECK(waitpid(stopper, nullptr, 0) == stopper);
}

// ---- the end at a random instant -----------------------------------------------------------------------------------

const char* self = "";

[[noreturn]] void end_by(const std::string& way) {
  if (way == "exit") std::exit(0);
  if (way == "quick_exit") std::quick_exit(0);
  if (way == "_exit") _exit(0);
  if (way == "abort") std::abort();
  execl(self, self, "nothing", nullptr);
  program::fail("no exec", __FILE__, __LINE__);
}

constinit treadle::thread_pool static_pool{
    treadle::pool_config{.max_threads = 3, .on_destroy = treadle::shutdown_mode::cancel}};

/// Tasks that go on for ever, outsiders that go on posting, and the end from here or from a task, whatever they do.
void end_at_random(const std::string& way, bool in_task) {
  static std::function<void()> again = [] {
    const std::error_code refused = static_pool.post(again);
    CHECK(!refused || refused == make_error_code(treadle::errc::shut_down));
  };
  static std::atomic<bool> over{false};
  for (int i = 0; i < 4; ++i) CHECK_OK(static_pool.post(again));
  std::thread([] {
    while (!over) {
      // Threads that come, post and go.
      try {
        std::thread([] {
          static_cast<void>(static_pool.post([] { treadle::blocking([] { std::this_thread::yield(); }); }));
        }).join();
      } catch (const std::system_error&) {
        pause();  // an exec is under way, so there are no threads any more
      }
    }
  }).detach();
  std::mt19937 random(std::random_device{}());
  std::this_thread::sleep_for(std::chrono::microseconds(random() % 3'000));
  if (way == "exit") {
    over = true;  // what is detached may outlive no static that it uses
    std::this_thread::sleep_for(20ms);
  }
  if (in_task) {
    CHECK_OK(static_pool.post([way] { end_by(way); }));
    for (;;) pause();
  }
  end_by(way);
}

/// Threads that use a pool for the first time and end at once, while others do.
void outsiders_come_and_go() {
  treadle::thread_pool pool(config_of(2, true));
  std::atomic<int> ran{0};
  int expected = 0;
  for (int round = 0; round < 100; ++round) {
    std::vector<std::thread> outsiders;
    for (int i = 0; i < 4; ++i) {
      outsiders.emplace_back([&] {
        CHECK_OK(pool.post([&] { ++ran; }));
        if (pool.run([] { return 2; }) != 2) program::fail("run", __FILE__, __LINE__);
      });
    }
    expected += 4;
    for (std::thread& each : outsiders) each.join();
  }
  CHECK_OK(pool.drain());
  CHECK(ran == expected);
}

constexpr program::scenario scenarios[] = {
    {"nothing", [] {}},
    {"work", &work},
    {"fork_then_work", &fork_then_work},
    {"no_fork_handlers", &no_fork_handlers},
    {"membarrier_EPERM", [] { denied(SYS_membarrier, EPERM); }},
    {"membarrier_ENOSYS", [] { denied(SYS_membarrier, ENOSYS); }},
    {"membarrier_later", &denied_later},
    {"sched_setaffinity_EPERM", [] { denied(SYS_sched_setaffinity, EPERM); }},
    {"sched_setaffinity_ENOSYS", [] { denied(SYS_sched_setaffinity, ENOSYS); }},
    {"sched_getaffinity_ENOSYS", [] { denied(SYS_sched_getaffinity, ENOSYS); }},
    {"io_uring_EPERM", [] { denied(SYS_io_uring_setup, EPERM); }},
    {"few_pids", &few_pids},
    {"tenth_of_a_cpu", &tenth_of_a_cpu},
    {"naps_in_handlers", [] { nap_in_handlers(0); }},
    {"naps_in_handlers_with_restart", [] { nap_in_handlers(SA_RESTART); }},
    {"stopped_and_continued", &stopped_and_continued},
    {"outsiders_come_and_go", &outsiders_come_and_go},
};

}  // namespace

int main(int argc, char** argv) {
  self = argv[0];
  if (argc == 4 && std::strcmp(argv[1], "end") == 0) end_at_random(argv[2], std::strcmp(argv[3], "in_task") == 0);
  return program::run_scenario(scenarios, argc, argv);
}
