#pragma once

#include <treadle/config.hpp>

#include <cstdint>

namespace treadle::detail {

/// Prints the broken invariant with up to two state words to stderr, then aborts. Allocates nothing; any thread.
[[noreturn]] TREADLE_EXPORT void invariant_broken(const char* what, const char* file, int line, std::uint64_t word_a,
                                                  std::uint64_t word_b) noexcept;

}  // namespace treadle::detail

/// Aborts with the state words when `condition` is false. On in every build: the words are what a bug report needs.
#define TREADLE_ASSERT(condition, word_a, word_b)                                                                \
  ((condition)                                                                                                   \
       ? static_cast<void>(0)                                                                                    \
       : ::treadle::detail::invariant_broken(#condition, __FILE__, __LINE__, static_cast<std::uint64_t>(word_a), \
                                             static_cast<std::uint64_t>(word_b)))

/// The same, for checks that cost something: on unless NDEBUG is defined.
#ifdef NDEBUG
#define TREADLE_DEBUG_ASSERT(condition, word_a, word_b) static_cast<void>(0)
#else
#define TREADLE_DEBUG_ASSERT(condition, word_a, word_b) TREADLE_ASSERT(condition, word_a, word_b)
#endif
