#pragma once

// The model checker's face. A model is a function that makes a state, adds threads, runs them and checks what came out:
//
//   auto result = mc::explore({.preemptions = 2}, [](mc::execution& x) {
//     auto* s = x.make<state>();
//     x.thread([s] { s->flag.store(1, std::memory_order_release); });
//     x.run();
//     MC_CHECK(s->flag.peek() == 1);
//   });
//
// The function runs once an execution. It must depend on nothing but its choices, and own nothing but what it makes:
// an execution that fails or turns out to be a repetition is left in the middle, its stacks are forgotten.

#include "engine.hpp"
#include "options.hpp"
#include "policy.hpp"

#include <new>
#include <string>
#include <typeinfo>
#include <utility>

namespace mc {

/// Fails the execution if `condition` is false.
inline void check(bool condition, const char* text, site where = site::current()) {
  if (condition) return;
  engine::active->fail(failure::check,
                       std::string("check: ") + text + " at " + where.file + ":" + std::to_string(where.line));
  engine::active->leave();
}
#define MC_CHECK(condition) ::mc::check(static_cast<bool>(condition), #condition)

/// Makes an object that must be destroyed with `mc::destroy` before the execution ends.
template <class T, class... Args>
T* make(Args&&... args) {
  engine& e = *engine::active;
  return new (e.allocate(sizeof(T), typeid(T).name(), true, site::current())) T(std::forward<Args>(args)...);
}

/// Ends an object of `mc::make`. Whoever uses it later, or may still be using it, fails.
template <class T>
void destroy(T* object, site where = site::current()) {
  engine::active->free(object, where);
  object->~T();
}

/// Returns one of 0..count-1, each of which is explored: a spawn that fails, an order of arguments.
inline unsigned choose(unsigned count) { return engine::active->choose_user(count); }

/// Gives an atomic a name for traces.
template <class T>
void name(const T& object, const char* text) {
  engine::active->set_name(&object, text);
}

/// Says that threads need not switch at this atomic: a counter whose value nobody acts upon.
template <class T>
void calm(const atomic<T>& counter) {
  engine::active->calm(counter.model_id());
}

/// Starts a thread from inside a thread. Returns its number, to join it.
template <class F>
unsigned spawn(F&& function, site where = site::current()) {
  engine::active->before_spawn(where);
  engine::active->add_thread().set(std::forward<F>(function));
  return engine::active->start_added();
}
inline void join(unsigned thread, site where = site::current()) { engine::active->join(thread, where); }
/// The number of the calling thread; the body is 0.
inline unsigned self() { return engine::active->self(); }

/// What the body of a model works with.
class execution {
 public:
  explicit execution(engine& of) noexcept : engine_(of) {}

  /// Makes an object that lives until the body ends.
  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(alignof(T) <= 64);
    T* object =
        new (engine_.allocate(sizeof(T), typeid(T).name(), false, site::current())) T(std::forward<Args>(args)...);
    engine_.own(object, [](void* it) { static_cast<T*>(it)->~T(); });
    return object;
  }
  /// Adds a thread; it starts with `run` or `settle`.
  template <class F>
  void thread(F&& function) {
    engine_.add_thread().set(std::forward<F>(function));
  }
  /// Runs until all threads have ended. Threads that sleep with nobody left to wake them are a failure.
  void run() { engine_.run(true); }
  /// Runs until all threads have ended or sleep; no deadline passes. The caller learns nothing from them.
  void settle() { engine_.run(false); }
  /// How many threads sleep.
  [[nodiscard]] unsigned asleep() const noexcept { return engine_.asleep(); }

 private:
  engine& engine_;
};

/// Explores `body(execution&)`.
template <class F>
result explore(const options& how, F&& body) {
  auto run = [&body](execution& x) { body(x); };
  engine one(
      how,
      [](void* context) {
        execution x(*engine::active);
        (*static_cast<decltype(run)*>(context))(x);
      },
      &run);
  return one.explore();
}

}  // namespace mc
