#pragma once

/// Compile-time switches shared by the library and its users.
/// `TREADLE_SHARED` is defined by the CMake target when the library is a shared object.

#if defined(TREADLE_SHARED)
#define TREADLE_EXPORT __attribute__((visibility("default")))
#else
#define TREADLE_EXPORT
#endif

#define TREADLE_CACHE_LINE 64

/// For what reads a thread-local variable: inlined into a coroutine, its address would outlive a move to another
/// thread.
#if defined(__GNUC__) && !defined(__clang__)
#define TREADLE_NEVER_INLINE __attribute__((noinline, noipa))
#else
#define TREADLE_NEVER_INLINE __attribute__((noinline))
#endif

#if defined(__SANITIZE_THREAD__)
#define TREADLE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TREADLE_THREAD_SANITIZER 1
#endif
#endif
#ifndef TREADLE_THREAD_SANITIZER
#define TREADLE_THREAD_SANITIZER 0
#endif
