#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/fork_stack.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/worker.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <variant>

namespace treadle::detail {

/// Calls `f(worker)` if it takes one, else `f()`.
template <class F>
inline decltype(auto) call_branch(F&& f, worker& self) noexcept(std::is_invocable_v<F, worker&>
                                                                    ? std::is_nothrow_invocable_v<F, worker&>
                                                                    : std::is_nothrow_invocable_v<F>) {
  if constexpr (std::is_invocable_v<F, worker&>) {
    return std::invoke(std::forward<F>(f), self);
  } else {
    return std::invoke(std::forward<F>(f));
  }
}

template <class F>
using branch_result = decltype(call_branch(std::declval<F>(), std::declval<worker&>()));
/// What a branch leaves in the tuple of results.
template <class F>
using branch_value =
    std::conditional_t<std::is_void_v<branch_result<F>>, std::monostate, std::remove_cv_t<branch_result<F>>>;

/// Calls the branch and returns its value.
template <class F>
inline branch_value<F> value_of_call(F&& f, worker& self) {
  if constexpr (std::is_void_v<branch_result<F>>) {
    call_branch(std::forward<F>(f), self);
    return {};
  } else {
    return call_branch(std::forward<F>(f), self);
  }
}

/// A branch of which only its call is known.
struct any_branch : fork_node<system_policy> {
  explicit any_branch(void (*on_thief)(any_branch&, worker&) noexcept) noexcept : call(on_thief) {}
  void (*call)(any_branch&, worker&) noexcept;
};

/// A branch in the frame of its fork. Its result is stored only if a thief runs it.
template <class F>
class branch final : public any_branch {
 public:
  using value = branch_value<F>;

  explicit branch(F&& f) noexcept(std::is_nothrow_constructible_v<F, F&&>)
      : any_branch(&run_on_thief), function_(std::forward<F>(f)) {}
  ~branch() {}  // NOLINT(modernize-use-equals-default): what the union holds ends in `collect` or `discard`

  value call_here(worker& self) { return value_of_call(std::forward<F>(function_), self); }

  /// Returns what the thief's call has returned, or throws what it has thrown.
  value collect() {
    if (threw_) {
      std::exception_ptr thrown = std::move(error_);
      std::destroy_at(&error_);
      std::rethrow_exception(std::move(thrown));
    }
    if constexpr (std::is_reference_v<value>) {
      return static_cast<value>(*result_);
    } else {
      const ender end{&result_};
      return std::move(result_);
    }
  }

  /// Forgets what the thief's call has returned or thrown.
  void discard() noexcept { threw_ ? std::destroy_at(&error_) : std::destroy_at(&result_); }

 private:
  using stored = std::conditional_t<std::is_reference_v<value>, std::add_pointer_t<value>, value>;
  struct ender {
    stored* result;
    ~ender() { std::destroy_at(result); }
  };

  static void run_on_thief(any_branch& base, worker& thief) noexcept {
    auto& self = static_cast<branch&>(base);
    try {
      if constexpr (std::is_reference_v<value>) {
        ::new (static_cast<void*>(&self.result_)) stored(std::addressof(self.call_here(thief)));
      } else {
        ::new (static_cast<void*>(&self.result_)) stored(self.call_here(thief));
      }
      self.threw_ = false;
    } catch (...) {
      ::new (static_cast<void*>(&self.error_)) std::exception_ptr(std::current_exception());
      self.threw_ = true;
    }
  }

  F function_;
  bool threw_;  ///< written by the thief, as is one of these:
  union {
    stored result_;
    std::exception_ptr error_;
  };
};

/// Shares forks, for none is shared any more.
[[gnu::cold]] TREADLE_EXPORT void share_forks(worker& self) noexcept;
/// Shares all forks of the worker, which is about to run something long, and wakes nobody for them who looks for none.
[[gnu::cold]] TREADLE_EXPORT void show_forks(worker& self) noexcept;
/// Settles a branch that is not in the private zone. True: it is the caller's to run. False: a thief has run it.
[[gnu::cold]] TREADLE_EXPORT bool join_shared(worker& self, any_branch& forked) noexcept;

}  // namespace treadle::detail
