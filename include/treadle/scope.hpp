#pragma once

#include <treadle/config.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/detail/spawned.hpp>
#include <treadle/scope_task.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/thread_pool.hpp>
#include <treadle/worker.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace treadle {

namespace detail {
class scope_core;
}

/// A block of which no child is left behind: `spawn` starts any number of children on a pool, and neither `wait` nor
/// the destructor returns before all of them are over, those included that children have spawned.
///
/// `spawn` and `request_stop` may be called by the scope's owner and by its children, on any thread; `wait` and the
/// destructor by the owner only, which is one thread at a time. The pool must outlive the scope. Allocates once. Throws
/// std::bad_alloc.
///
/// The first exception of a child is kept and asks the others to stop; children that have not started when a stop is
/// requested are skipped. Children of the scope see its token, and a scope made with that token as parent is inside: a
/// stop outside reaches it. Design: docs/design/scope.md.
class TREADLE_EXPORT scope {
 public:
  /// Makes a scope whose children run on the pool of `self`, or on `pool`. `parent`, which must outlive the scope,
  /// stops it, too.
  explicit scope(worker& self) : scope(self.pool(), nullptr) {}
  explicit scope(thread_pool& pool) : scope(pool, nullptr) {}
  scope(worker& self, const stop_token& parent) : scope(self.pool(), &parent) {}
  scope(thread_pool& pool, const stop_token& parent) : scope(pool, &parent) {}
  scope(const scope&) = delete;
  scope& operator=(const scope&) = delete;
  /// Waits as `wait` does; left by an exception, it requests a stop before. What a child threw and nobody has collected
  /// goes to `pool_hooks::unhandled_exception`. Aborts inside a child of this scope.
  ~scope();

  /// Starts a child: calls `f(worker&, const stop_token&)`, `f(worker&)`, `f(const stop_token&)` or `f()`, the first
  /// of them that it takes, on some worker. Allocates once; does not block. Throws std::system_error when the pool
  /// refuses, with `f` untouched; std::bad_alloc, or what moving `f` throws.
  template <class F>
  requires(detail::is_child<std::decay_t<F>> &&
           !std::is_base_of_v<scope_task, std::remove_reference_t<F>>) void spawn(F&& f) {
    detail::admission admitted(pool());
    expect(admitted);
    auto* const child = new detail::spawned<std::decay_t<F>>(std::forward<F>(f));
    add(child, child, 1, admitted);
  }

  /// The same in the caller's storage: allocates nothing.
  void spawn(scope_task& child) {
    detail::admission admitted(pool());
    expect(admitted);
    add(&child, &child, 1, admitted);
  }

  /// Starts a child for each element of first..last in one go: calls `f(element)`, with the worker, the token or both
  /// behind as for `spawn`, from several threads at a time. The range must stay until the children are over. Allocates
  /// twice, however long the range is. Throws as `spawn` does, and then starts none.
  template <class Iterator, class F>
  requires(detail::is_child<std::decay_t<F>, typename std::iterator_traits<Iterator>::reference>) void spawn_each(
      Iterator first, Iterator last, F&& f) {
    if (first == last) return;
    detail::admission admitted(pool());
    expect(admitted);
    auto* const range = new detail::spawned_range<std::decay_t<F>, Iterator>(std::forward<F>(f), first, last);
    add(range->first(), range->last(), range->size(), admitted);
  }
  template <class Range, class F>
  void spawn_each(Range& range, F&& f) {
    spawn_each(std::begin(range), std::end(range), std::forward<F>(f));
  }

  /// Starts all children of a range of objects derived from `scope_task`, in one go. Allocates nothing.
  template <class Range>
  requires(std::is_base_of_v<scope_task, std::remove_reference_t<decltype(*std::begin(
                                             std::declval<Range&>()))>>) void spawn_each(Range& range) {
    scope_task *head = nullptr, *tail = nullptr;
    std::size_t count = 0;
    for (scope_task& each : range) {
      if (tail != nullptr) {
        tail->next.store(&each, std::memory_order_relaxed);
      } else {
        head = &each;
      }
      tail = &each;
      ++count;
    }
    if (count == 0) return;
    detail::admission admitted(pool());
    expect(admitted);
    add(head, tail, count, admitted);
  }

  /// Waits until all children are over. On a worker of the pool it runs those here that have not started, nothing else,
  /// then gives its slot away, as `blocking` does, and sleeps. Outside it sleeps; if the pool has no worker, or all of
  /// them block and no spare comes, it runs them here.
  ///
  /// Rethrows the first exception of a child. Throws std::system_error with `errc::cancelled` if children were skipped
  /// and nobody has asked this scope itself to stop: a parent was, or the pool was cancelled. With
  /// `errc::would_deadlock` when called by a child of this scope. More children may be spawned afterwards, unless a
  /// stop was requested.
  void wait();

  /// Asks the children to stop: those that have not started are skipped, the others see it in their token. Returns
  /// whether this call was the first. Does not block.
  bool request_stop() noexcept;
  /// Returns what children, and scopes inside, see. Valid as long as the scope.
  [[nodiscard]] const stop_token& token() const noexcept;
  [[nodiscard]] bool stop_requested() const noexcept { return token().stop_requested(); }

 private:
  scope(thread_pool& pool, const stop_token* parent);
  [[nodiscard]] detail::pool_core& pool() const noexcept;
  /// Throws if the pool does not admit another task.
  static void expect(const detail::admission& admitted);
  void add(scope_task* first, scope_task* last, std::size_t count, detail::admission& admitted) noexcept;

  detail::scope_core* core_;
  int exceptions_outside_;
};

}  // namespace treadle
