#include "context.hpp"

#include <treadle/assert.hpp>
#include <treadle/detail/scope_children.hpp>
#include <treadle/errc.hpp>
#include <treadle/scope.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>

namespace treadle::detail {

namespace {

constexpr std::int64_t shortest_nap_ns = 1'000'000, longest_nap_ns = 64'000'000;

}  // namespace

/// What a scope, its running children and its ticket share. It is the ticket: queued in the pool while children are
/// unstarted, it runs children.
class scope_core final : public internal_task {
 public:
  scope_core(pool_core& pool, const stop_token* parent) noexcept
      : internal_task(ops, site_word::of_label("<scope>")), stop_(parent), pool_(pool) {}

  [[nodiscard]] pool_core& pool() const noexcept { return pool_; }
  [[nodiscard]] const stop_token& stop() const noexcept { return stop_; }

  bool request_stop() noexcept {
    outcome_.fetch_or(asked_to_stop, std::memory_order_relaxed);
    return stop_.request_stop();
  }

  void add(scope_task* first, scope_task* last, std::uint32_t count, admission& admitted) noexcept {
    if (children_.add(first, last, count)) admitted.push(*this);
  }

  /// Waits until all children are over.
  [[nodiscard]] std::error_code wait() noexcept {
    if (children_.is_done()) return {};
    if (pool_.is_inherited()) return errc::inherited_by_fork;  // whoever runs them runs in the parent
    const thread_context& here = context();
    for (const scope_frame* each = here.innermost_child; each != nullptr; each = each->below) {
      if (each->scope == this) return errc::would_deadlock;
    }
    pool_core* const waiting = here.pool;
    pool_core::record* const self = here.record;
    std::optional<shown_link> link;
    const auto enter = [&] {
      if (self == nullptr) return;
      link.emplace(self, this, wait_kind::children, site_word{});
      waiting->enter_blocking(*self, wait_kind::children);
    };
    const auto leave = [&] {
      if (self == nullptr) return;
      waiting->leave_blocking(*self);
      link.reset();
    };
    if (waiting == &pool_) {
      children_.wait([this](scope_task& child) { run_child(child); }, enter, leave);
    } else {
      std::optional<thread_wait> shown;
      if (self == nullptr) shown.emplace(pool_, wait_kind::children, site_word{});
      enter();
      wait_outside();
      leave();
    }
    return {};
  }

  /// Throws what the children have left behind. Only when all are over.
  void rethrow() {
    if (error_ != nullptr) std::rethrow_exception(take_error());
    const std::uint32_t left = outcome_.fetch_and(~skipped, std::memory_order_relaxed);
    if ((left & skipped) != 0 && (left & (failed | asked_to_stop)) == 0) {
      throw std::system_error(make_error_code(errc::cancelled), "treadle::scope: children were skipped");
    }
  }
  [[nodiscard]] std::exception_ptr take_error() noexcept { return std::exchange(error_, nullptr); }

  /// The scope lets go.
  void drop_reference() noexcept {
    if (children_.release()) delete this;
  }

 private:
  /// Children that one run of the ticket runs at most, so that the pool's other work is not kept waiting.
  static constexpr std::uint32_t turn = 61;
  // Bits of `outcome_`. Relaxed: the waiter reads them when all children are over.
  static constexpr std::uint32_t failed = 1, skipped = 2, asked_to_stop = 4;

  static void run(internal_task* made) noexcept {
    auto* const self = static_cast<scope_core*>(made);
    bool refused = false;
    const bool last = self->children_.run_some(
        turn, [self](scope_task& child) { self->run_child(child); },
        [self, &refused] {
          // Only when the pool is being cancelled. The ticket's reference stays then, so this run's is not the last.
          refused = static_cast<bool>(self->pool_.schedule(self, self, 1));
          if (refused) static_cast<void>(self->stop_.request_stop());
        });
    if (refused) {
      static_cast<void>(cancel(self));
    } else if (last) {
      delete self;
    }
  }

  /// Ends the children that have not started: the pool is being cancelled.
  static bool cancel(internal_task* made) noexcept {
    auto* const self = static_cast<scope_core*>(made);
    static_cast<void>(self->stop_.request_stop());
    bool any = false;
    const bool last = self->children_.end_all([self, &any](scope_task& child) {
      any = true;
      self->skip(child);
    });
    if (last) delete self;
    return any;
  }

  void run_child(scope_task& child) noexcept {
    if (stop_.stop_requested()) {
      skip(child);
      return;
    }
    thread_context& here = context();
    scope_frame frame{this, here.innermost_child};
    here.innermost_child = &frame;
    try {
      child.function_(child, *here.self, stop_);  // LAST TOUCH of the child
    } catch (...) {
      keep(std::current_exception());
    }
    context().innermost_child = frame.below;
  }

  void skip(scope_task& child) noexcept {
    outcome_.fetch_or(skipped, std::memory_order_relaxed);
    if (child.discard_ != nullptr) child.discard_(child);
  }

  void keep(std::exception_ptr error) noexcept {
    if ((outcome_.fetch_or(failed, std::memory_order_relaxed) & failed) == 0) error_ = std::move(error);
    static_cast<void>(stop_.request_stop());
  }

  /// Not on a worker of the pool. Children that are queued are for its workers, unless there is none: looked at twice,
  /// for a spare may be about to be started, and again and again, for a worker may block later.
  void wait_outside() noexcept {
    std::int64_t nap_ns = shortest_nap_ns;
    bool nobody_came = false;
    while (!children_.is_done()) {
      if (!children_.has_unstarted()) {
        children_.sleep(true, no_deadline);
        continue;
      }
      const sync_state now = pool_.sync().look_acquire();
      const bool all_block = now.total() == now.blocked();
      if (now.total() == 0 || (all_block && std::exchange(nobody_came, true))) {
        pool_.stand_in(
            [](void* core) noexcept {
              auto* const self = static_cast<scope_core*>(core);
              static_cast<void>(self->children_.run_one([self](scope_task& child) { self->run_child(child); }));
            },
            this);
        continue;
      }
      if (!all_block) nobody_came = false;
      children_.sleep(false, monotonic_ns() + nap_ns);
      if (nap_ns < longest_nap_ns && !nobody_came) nap_ns *= 2;
    }
  }

  static constexpr operations ops{&run, &cancel};

  scope_children<system_policy, scope_task> children_;
  stop_token stop_;
  pool_core& pool_;
  std::atomic<std::uint32_t> outcome_{0};
  std::exception_ptr error_;  ///< the first; written by the child that has set `failed`
};

}  // namespace treadle::detail

namespace treadle {

scope::scope(thread_pool& pool, const stop_token* parent)
    : core_(new detail::scope_core(pool.core(), parent)), exceptions_outside_(std::uncaught_exceptions()) {}

scope::~scope() {
  if (std::uncaught_exceptions() > exceptions_outside_) request_stop();
  const std::error_code error = core_->wait();
  if (error == errc::inherited_by_fork) return;  // its children hold on to it in the parent
  TREADLE_ASSERT(!error, error.value(), 0);
  if (const std::exception_ptr uncollected = core_->take_error()) core_->pool().report_unhandled(uncollected);
  core_->drop_reference();
}

void scope::wait() {
  if (const std::error_code error = core_->wait()) throw std::system_error(error, "treadle::scope::wait");
  core_->rethrow();
}

bool scope::request_stop() noexcept { return core_->request_stop(); }
const stop_token& scope::token() const noexcept { return core_->stop(); }
detail::pool_core& scope::pool() const noexcept { return core_->pool(); }

void scope::expect(const detail::admission& admitted) {
  if (admitted.error()) throw std::system_error(admitted.error(), "treadle::scope::spawn");
}

void scope::add(scope_task* first, scope_task* last, std::size_t count, detail::admission& admitted) noexcept {
  TREADLE_ASSERT(count < UINT32_MAX, count, UINT32_MAX);
  core_->add(first, last, static_cast<std::uint32_t>(count), admitted);
}

}  // namespace treadle
