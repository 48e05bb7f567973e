#pragma once

#include "os.hpp"

#include <treadle/config.hpp>
#include <treadle/pool_config.hpp>

#include <cstdint>

namespace treadle::detail::os {

/// Returns how many CPUs the calling thread may run on; never 0. On a thread that `pin_this_thread` pinned: how many it
/// could run on before.
[[nodiscard]] TREADLE_EXPORT std::uint32_t count_allowed_cpus() noexcept;
/// Says whether `cpu` is one of them.
[[nodiscard]] TREADLE_EXPORT bool allowed_cpu(std::uint32_t cpu) noexcept;
/// Returns the n-th of them, from 0 and by number, or `any_cpu` if there are fewer.
[[nodiscard]] TREADLE_EXPORT std::uint32_t nth_allowed_cpu(std::uint32_t n) noexcept;
/// Returns the CPU on which `policy` wants the worker, or `any_cpu`. More workers than CPUs share them evenly.
[[nodiscard]] TREADLE_EXPORT std::uint32_t choose_cpu(const pin_policy& policy, std::uint32_t worker_index) noexcept;
/// Returns element n of an order of 0..count-1 whose every beginning is spread out: for 6 it is 0 3 1 4 2 5.
[[nodiscard]] TREADLE_EXPORT std::uint32_t spread(std::uint32_t n, std::uint32_t count) noexcept;

/// Puts the calling thread on one CPU. If the system refuses, the thread runs where it may: right, if not as fast.
TREADLE_EXPORT void pin_this_thread(std::uint32_t cpu) noexcept;
/// Says whether `pin_this_thread` was called on this thread. What it starts inherits the one CPU, wanted or not.
[[nodiscard]] TREADLE_EXPORT bool is_this_thread_pinned() noexcept;
/// Gives the calling thread all CPUs back that the first pinned thread could run on. For what a pinned thread started.
TREADLE_EXPORT void unpin_this_thread() noexcept;

/// Returns the least quota, in CPUs, of the control groups around the process; infinity if none has any.
/// `proc_self_dir` is /proc/self, or what a test puts in its place. A limit that cannot be read counts as none.
[[nodiscard]] TREADLE_EXPORT double cpu_quota(const char* proc_self_dir) noexcept;
/// Returns the smaller of the allowed CPUs and of that quota rounded up; never 0.
[[nodiscard]] TREADLE_EXPORT std::uint32_t count_usable_cpus(const char* proc_self_dir) noexcept;

}  // namespace treadle::detail::os
