#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/completion.hpp>
#include <treadle/detail/context.hpp>
#include <treadle/detail/internal_task.hpp>
#include <treadle/detail/system_policy.hpp>
#include <treadle/pool_config.hpp>

#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace treadle::detail {

class pool_core;

/// What a future and its queued task share: who may run it, whether it is done, how it ended.
class TREADLE_EXPORT future_state : public internal_task {
 public:
  future_state(const future_state&) = delete;
  future_state& operator=(const future_state&) = delete;

  /// Claims and runs the task here, or waits for whoever runs it. See future::wait.
  [[nodiscard]] std::error_code wait() noexcept;
  /// Waits without running anything. Returns whether the task is done.
  [[nodiscard]] bool wait_until(std::int64_t deadline_ns) noexcept;
  [[nodiscard]] bool is_done() const noexcept { return completion_.is_done(); }
  /// Returns the task that this one interrupts on its thread's stack. Only while it runs.
  [[nodiscard]] const future_state* below() const noexcept { return below_; }
  /// Rethrows the task's exception, or throws `errc::cancelled`. Only when done.
  void rethrow();
  /// The future lets go. An exception that nobody has seen goes to the pool's hook.
  void drop_reference() noexcept;

 protected:
  future_state(const operations& ops, source_site scheduled_at, pool_core& pool) noexcept;
  ~future_state();

  /// Runs `made` unless somebody else has claimed it. The queue's reference is given up.
  static void run_queued(internal_task* made) noexcept;
  static bool cancel_queued(internal_task* made) noexcept;

  /// Calls the callable and keeps its result or exception.
  virtual void invoke() noexcept = 0;
  virtual void destroy_callable() noexcept = 0;
  virtual void destroy() noexcept = 0;

  std::exception_ptr error_;

 private:
  void execute() noexcept;
  std::error_code wait_outside() noexcept;

  completion<system_policy> completion_;
  pool_core* pool_;
  pool_hooks hooks_;
  future_state* below_ = nullptr;  ///< the task that this one interrupts on its thread's stack
};

template <class R, class F>
class typed_future_state;

/// The part that the future knows: where the result lies.
template <class R>
class future_result : public future_state {
 public:
  R take() {
    if constexpr (std::is_void_v<R>) {
      return;
    } else if constexpr (std::is_reference_v<R>) {
      return static_cast<R>(*value_);
    } else {
      return std::move(*value_);
    }
  }

 protected:
  using future_state::future_state;
  ~future_result() = default;
  template <class T>
  struct holder {
    using type = std::optional<T>;
  };
  template <class T>
  struct holder<T&> {
    using type = T*;
  };
  template <class T>
  struct holder<T&&> {
    using type = T*;
  };
  struct nothing {};
  using stored = typename std::conditional_t<std::is_void_v<R>, std::type_identity<nothing>, holder<R>>::type;
  stored value_{};
};

template <class R, class F>
class typed_future_state final : public future_result<R> {
 public:
  template <class Callable>
  typed_future_state(Callable&& callable, source_site scheduled_at, pool_core& owner)
      : future_result<R>(ops, scheduled_at, owner), function_(std::in_place, std::forward<Callable>(callable)) {}

 private:
  static constexpr internal_task::operations ops{&future_state::run_queued, &future_state::cancel_queued};

  void invoke() noexcept override {
    try {
      if constexpr (std::is_void_v<R>) {
        call_on_worker(*function_);
      } else if constexpr (std::is_reference_v<R>) {
        auto&& result = call_on_worker(*function_);
        this->value_ = &result;
      } else {
        this->value_.emplace(call_on_worker(*function_));
      }
    } catch (...) {
      this->error_ = std::current_exception();
    }
    destroy_callable();
  }
  void destroy_callable() noexcept override { function_.reset(); }
  void destroy() noexcept override { delete this; }

  std::optional<F> function_;
};

}  // namespace treadle::detail
