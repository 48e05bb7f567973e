#pragma once

#include "fiber.hpp"
#include "options.hpp"
#include "site.hpp"
#include "view.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace mc {

/// What a thread is about to do: two operations that are not dependent give the same result in either order.
enum class op_kind : std::uint8_t { start, load, store, fence, other };
struct pending_op {
  op_kind kind = op_kind::start;
  bool sc = false;
  std::uint32_t location = 0;
};
[[nodiscard]] bool dependent(const pending_op& a, const pending_op& b) noexcept;

enum class choice : std::uint8_t { thread, read, weak_failure, spurious, time_out, woken, refusal, user };
enum class modify : std::uint8_t { exchange, add, subtract, bit_or, bit_and, bit_xor };

/// A function without arguments, kept in place: starting a thread must not allocate.
class callable {
 public:
  callable() noexcept = default;
  callable(const callable&) = delete;
  callable& operator=(const callable&) = delete;
  template <class F>
  void set(F&& f) {
    using function = std::decay_t<F>;
    static_assert(sizeof(function) <= sizeof(storage_) && std::is_trivially_destructible_v<function>,
                  "a thread of a model captures a few references or pointers only");
    new (storage_) function(std::forward<F>(f));
    call_ = [](void* self) { (*static_cast<function*>(self))(); };
  }
  void operator()() { call_(storage_); }

 private:
  alignas(16) unsigned char storage_[128];
  void (*call_)(void*) = nullptr;
};

/// Runs one execution after another on fibers and simulates the memory of C++20. One exists at a time.
class engine {
 public:
  engine(const options& how, void (*body)(void*), void* context);
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  ~engine();

  result explore();

  // Operations of the policy; each is atomic and, but for plain cells and local fences, a point where threads switch.
  void make_atomic(std::uint32_t& id, const void* address, std::uint64_t value, unsigned bytes, site where);
  void end_atomic(std::uint32_t id, const void* address) noexcept;
  std::uint64_t load(std::uint32_t id, const void* address, std::memory_order order, site where);
  void store(std::uint32_t id, const void* address, std::uint64_t value, std::memory_order order, site where);
  std::uint64_t update(std::uint32_t id, const void* address, modify how, std::uint64_t operand, std::uint64_t mask,
                       std::memory_order order, site where);
  bool compare_exchange(std::uint32_t id, const void* address, std::uint64_t& expected, std::uint64_t desired,
                        std::memory_order success, std::memory_order fail, bool weak, site where);
  void light_barrier(site where);
  bool heavy_barrier(site where);
  [[nodiscard]] bool has_heavy_barrier() const noexcept { return !barrier_refused_; }
  std::uint64_t newest(std::uint32_t id, const void* address);
  void fence(std::memory_order order, site where);
  void make_plain(std::uint32_t& id, const void* address, site where);
  void end_plain(std::uint32_t id, const void* address) noexcept;
  void read_plain(std::uint32_t id, const void* address, site where);
  void write_plain(std::uint32_t id, const void* address, site where);
  bool futex_wait(std::uint32_t id, const void* address, std::uint64_t expected, std::int64_t deadline_ns, site where);
  void futex_wake(const void* address, std::uint32_t count, site where);
  [[nodiscard]] std::int64_t now_ns() const noexcept { return now_ns_; }
  void yield(std::int64_t ns, const char* what, site where);

  // What the body of a model uses.
  callable& add_thread();
  unsigned start_added();
  void before_spawn(site where) { before({op_kind::other, true, 0}, where); }
  void join(unsigned thread, site where);
  void run(bool to_the_end);
  void* allocate(std::size_t bytes, const char* type, bool must_be_freed, site where);
  void free(void* memory, site where);
  void own(void* object, void (*destroy)(void*));
  void set_name(const void* address, const char* name);
  void calm(std::uint32_t id) { locations_[id].calm = true; }
  unsigned choose_user(unsigned count) { return choose(choice::user, count); }
  /// Ends the execution as failed. Call `leave` after it: the strings of the caller must be gone by then.
  void fail(failure kind, std::string message);
  [[noreturn]] void leave();
  [[nodiscard]] unsigned self() const noexcept { return current_; }
  [[nodiscard]] unsigned asleep() const noexcept;
  [[nodiscard]] bool running() const noexcept { return running_; }

  static inline engine* active = nullptr;

 private:
  static constexpr unsigned none = ~0U;
  static constexpr std::int64_t no_deadline = INT64_MAX;
  enum class state : std::uint8_t { ready, on_futex, on_join, on_all, on_quiet, finished, unstarted };

  struct message {
    std::uint64_t value;
    std::uint32_t seen;  ///< index of its view, or `none`
    std::uint8_t thread;
  };
  struct location {
    const void* address = nullptr;
    const char* name = nullptr;
    bool alive = false;
    bool calm = false;  ///< threads do not switch at it, and it is never stale
    unsigned bytes = 0;
    unsigned maker = 0;
    std::uint32_t made_at = 0;
    stamp futex_floor = 0;  ///< what a wake has passed, no later wait may miss
    std::array<std::uint32_t, max_threads> accessed{};
    std::vector<message> messages;
  };
  struct cell {
    const void* address;
    bool alive;
    std::uint8_t writer;
    std::uint8_t reader;
    std::uint32_t written_at;
    site written_by;
    site read_by;
    std::array<std::uint32_t, max_threads> read_at;
  };
  struct block {
    char* begin;
    std::size_t bytes;
    const char* type;
    bool must_be_freed;
    bool freed;
    site made_by;
    site freed_by;
  };
  struct owned {
    void* object;
    void (*destroy)(void*);
  };
  struct thread {
    fiber stack;
    callable function;
    state what = state::finished;
    bool priming = false;
    bool timed_out = false;
    bool has_release = false;  ///< a release fence was seen: `release` counts
    pending_op pending;
    unsigned yields_to = 0;  ///< who must go on before this thread does
    unsigned joins = 0;
    unsigned primer = 0;
    int priority = 0;
    int stale_after_yield = -1;  ///< how many more; below 0: it has not yielded
    const void* futex = nullptr;
    std::int64_t deadline = 0;
    site where;
    view current;  ///< what it knows
    view acquire;  ///< what an acquire fence would make it know besides
    view release;  ///< what it knew at its last release fence
    view light;    ///< what it knew at its last light barrier
  };
  struct step {  ///< of the trace
    unsigned thread;
    const char* what;
    const void* address;
    std::uint64_t value;
    std::memory_order order;
    site where;
    const char* note;
  };
  struct node {  ///< of the depth-first search
    std::uint8_t count;
    std::uint8_t pick;
    std::uint32_t allowed;
  };
  struct picked {
    std::uint32_t at;
    std::uint8_t pick;
  };

  // engine.cpp: threads, sleep and wake
  static void fiber_main();
  void thread_main();
  void reset();
  void run_one();
  void switch_to(unsigned next);
  void start_thread(unsigned index);
  void before(pending_op op, site where);
  void sleep_as(state what);
  void make_ready(unsigned index);
  void finish_body();
  unsigned pick_next(bool may_stay);
  bool wake_someone_idle();
  void begin_step(unsigned next);
  std::string describe_sleepers() const;

  // memory.cpp
  location& enter(std::uint32_t id, const void* address, op_kind kind, bool sc, site where);
  void check_alive(std::uint32_t id, const void* address, const char* what, site where);
  stamp floor_of(const thread& self, std::uint32_t id, bool sc) const noexcept;
  bool may_be_stale() const noexcept;
  void count_stale() noexcept;
  std::uint64_t read_message(location& from, std::uint32_t id, stamp at, std::memory_order order);
  void write_message(location& to, std::uint32_t id, std::uint64_t value, std::memory_order order, bool is_update);
  std::uint32_t new_view();
  void tick() noexcept;
  bool knows(unsigned index, std::uint32_t clock) const noexcept;
  std::uint32_t find_location(const void* address) const noexcept;

  // explore.cpp
  unsigned choose(choice kind, unsigned count, std::uint32_t allowed = ~0U);
  unsigned choose_thread(const unsigned* options, unsigned count, unsigned fair, bool stay);
  unsigned choose_pct(const unsigned* options, unsigned fair, bool stay);
  unsigned choose_random(choice kind, unsigned count);
  unsigned choose_first(unsigned count, std::uint32_t allowed);
  void begin_random_run(std::uint64_t index);
  void random_runs();
  void exhaustive_runs();
  bool next_path();
  bool out_of_time() const;
  void explain();
  void shrink();
  bool still_fails(const std::vector<picked>& script);
  std::uint64_t random();
  std::memory_order weaken(std::memory_order order, bool on_failure, site where, char operation);
  void note_order(std::memory_order order, bool on_failure, site where, char operation);

  // report.cpp
  void note(const char* what, const void* address, std::uint64_t value, std::memory_order order, site where,
            const char* remark = "");
  std::string name_of(const void* address) const;
  std::string format_trace() const;
  static std::string place(site where);

  // one exploration
  options how_;
  void (*body_)(void*);
  void* context_;
  result result_;
  std::chrono::steady_clock::time_point started_;
  bool reducing_ = false;
  bool scripted_ = false;
  bool tracing_ = false;
  std::vector<node> path_;
  std::vector<picked> script_;
  std::uint64_t random_state_ = 0;
  unsigned stay_of_256_ = 128;
  std::vector<std::uint64_t> change_at_;
  int lowest_priority_ = 0;

  // one execution
  fiber main_;
  std::array<thread, max_threads> threads_;
  std::unique_ptr<location[]> locations_{new location[max_locations]};
  std::vector<cell> cells_;
  std::vector<std::unique_ptr<view>> views_;
  std::vector<block> blocks_;
  std::vector<owned> owned_;
  std::vector<step> steps_noted_;
  std::vector<picked> picks_;  ///< those that were not the first option
  std::unique_ptr<char[]> heap_;
  std::size_t heap_used_ = 0;
  std::uint32_t location_count_ = 0;
  std::uint32_t view_count_ = 0;
  unsigned thread_count_ = 0;
  unsigned current_ = 0;
  unsigned ready_ = 0;   ///< bits of the threads that could go on
  unsigned asleep_ = 0;  ///< the sleep set: threads whose next step was explored already
  std::uint32_t choices_ = 0;
  std::size_t script_at_ = 0;
  std::uint64_t steps_ = 0;
  std::int64_t now_ns_ = 0;
  int preemptions_left_ = 0, stale_left_ = 0, weak_left_ = 0, spurious_left_ = 0, time_outs_left_ = 0, unfair_left_ = 0;
  bool running_ = false;
  bool pruned_ = false;
  bool failed_ = false;
  failure failure_ = failure::none;
  std::string message_;
  bool barrier_refused_ = false;
  view heavy_;  ///< what the threads knew that made a heavy barrier
  view sc_;     ///< what the seq_cst operations so far make visible to later ones
};

}  // namespace mc
