#pragma once

#include <treadle/worker.hpp>

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

namespace treadle::detail {

/// Calls `body(worker, argument)` if it takes a worker, else `body(argument)`.
template <class Body, class Argument>
[[gnu::always_inline]] inline void call_body(Body& body, worker& self, Argument&& argument) noexcept(
    std::is_invocable_v<Body&, worker&, Argument> ? std::is_nothrow_invocable_v<Body&, worker&, Argument>
                                                  : std::is_nothrow_invocable_v<Body&, Argument>) {
  if constexpr (std::is_invocable_v<Body&, worker&, Argument>) {
    static_cast<void>(std::invoke(body, self, std::forward<Argument>(argument)));
  } else {
    static_cast<void>(std::invoke(body, std::forward<Argument>(argument)));
  }
}

template <class Body, class Argument>
inline constexpr bool is_body = std::is_invocable_v<Body&, worker&, Argument> || std::is_invocable_v<Body&, Argument>;

/// A loop without a result: `chunk(worker, first, last)` runs some indices of it in a row.
template <class Chunk>
class for_work {
 public:
  using value = std::monostate;

  explicit for_work(Chunk& chunk) noexcept : chunk_(chunk) {}

  value part(worker& self, std::size_t first, std::size_t last) noexcept(noexcept(chunk_(self, first, last))) {
    chunk_(self, first, last);
    return {};
  }
  static value join(value, value) noexcept { return {}; }
  static value nothing() noexcept { return {}; }
  static bool is_over(std::size_t) noexcept { return false; }

 private:
  Chunk& chunk_;
};

}  // namespace treadle::detail
