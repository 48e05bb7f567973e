#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

// The names and signatures that programs outside rely on. Each line here that stops to compile is a break of theirs.

namespace treadle::test {
namespace {

// Version 14 breaks the lines of requirements that are noexcept.
// clang-format off

template <class... Arguments>
constexpr bool schedules_as_error_code = requires(thread_pool pool, Arguments&&... arguments) {
  { pool.schedule(std::forward<Arguments>(arguments)...) } noexcept -> std::same_as<std::error_code>;
};

static_assert(schedules_as_error_code<task&> && schedules_as_error_code<task&, source_site>);
static_assert(schedules_as_error_code<batch&> && schedules_as_error_code<batch&, source_site>);
static_assert(schedules_as_error_code<batch> && schedules_as_error_code<batch, source_site>);
static_assert(!schedules_as_error_code<task>, "a task that goes at once cannot be scheduled");

using callable = int (*)();
static_assert(requires(thread_pool pool, callable f, source_site site) {
  { pool.post(f) } -> std::same_as<std::error_code>;
  { pool.post(f, site) } -> std::same_as<std::error_code>;
  { pool.submit(f) } -> std::same_as<future<int>>;
  { pool.submit(f, site) } -> std::same_as<future<int>>;
  { pool.run(f) } -> std::same_as<int>;
  { pool.run([](worker&) { return std::string(); }) } -> std::same_as<std::string>;
});

static_assert(requires(thread_pool pool, const thread_pool seen, std::chrono::seconds span,
                       std::chrono::steady_clock::time_point when) {
  { pool.start() } noexcept -> std::same_as<std::error_code>;
  { pool.drain() } noexcept -> std::same_as<std::error_code>;
  { pool.join() } noexcept -> std::same_as<std::error_code>;
  { pool.shutdown() } noexcept -> std::same_as<shutdown_report>;
  { pool.shutdown(shutdown_mode::cancel) } noexcept -> std::same_as<shutdown_report>;
  { pool.shutdown_for(span) } noexcept -> std::same_as<shutdown_report>;
  { pool.shutdown_for(span, shutdown_mode::drain) } noexcept -> std::same_as<shutdown_report>;
  { pool.shutdown_until(when) } noexcept -> std::same_as<shutdown_report>;
  { pool.shutdown_until(when, shutdown_mode::cancel) } noexcept -> std::same_as<shutdown_report>;
  { seen.stats() } noexcept -> std::same_as<pool_stats>;
  { pool.worker_limit() } noexcept -> std::convertible_to<std::size_t>;
});

static_assert(requires(shutdown_report report) {
  { report.ran } -> std::convertible_to<std::uint64_t>;
  { report.cancelled } -> std::convertible_to<std::uint64_t>;
  { report.not_run } -> std::same_as<batch&>;
  { report.still_running } -> std::convertible_to<std::uint64_t>;
});

static_assert(requires(future<int> mine, const future<int> seen, std::chrono::microseconds span,
                       std::chrono::system_clock::time_point when) {
  { mine.get() } -> std::same_as<int>;
  { seen.wait() } noexcept -> std::same_as<std::error_code>;
  { seen.wait_for(span) } noexcept -> std::same_as<future_status>;
  { seen.wait_until(when) } noexcept -> std::same_as<future_status>;
  { seen.is_ready() } noexcept -> std::same_as<bool>;
  { seen.valid() } noexcept -> std::same_as<bool>;
});
static_assert(std::is_same_v<decltype(std::declval<future<void>>().get()), void>);
static_assert(std::is_same_v<decltype(std::declval<future<int&>>().get()), int&>);

static_assert(requires(batch all, task one, const batch seen) {
  { batch::of(one, one) } noexcept -> std::same_as<batch>;
  { all.push(one) } noexcept;
  { all.push(batch()) } noexcept;
  { all.pop() } noexcept -> std::same_as<task*>;
  { seen.size() } noexcept -> std::same_as<std::size_t>;
  { *seen.begin() } -> std::same_as<task&>;
  { seen.begin() == seen.end() } -> std::same_as<bool>;
});

static_assert(requires(strand line, callable f, source_site site) {
  { line.post(f) } -> std::same_as<std::error_code>;
  { line.post(f, site) } -> std::same_as<std::error_code>;
});

static_assert(requires(graph made, const graph seen, graph::node one, thread_pool pool, const stop_token& stop,
                       callable number, void (*step)(worker&), bool (*over)()) {
  { made.add("name", step) } -> std::same_as<graph::node>;
  { made.add(step) } -> std::same_as<graph::node>;
  { made.add_branch("name", number) } -> std::same_as<graph::node>;
  { made.add_branch(number) } -> std::same_as<graph::node>;
  { made.add_graph("name", made) } -> std::same_as<graph::node>;
  { one.precede(one, one).succeed(one) } -> std::same_as<graph::node>;
  { one.name() } -> std::same_as<std::string>;
  { made.run(pool) } -> std::same_as<void>;
  { made.run(pool, stop) } -> std::same_as<void>;
  { made.run_n(pool, 3, stop) } -> std::same_as<void>;
  { made.run_until(pool, over, stop) } -> std::same_as<void>;
  { made.start(pool, stop) } -> std::same_as<void>;
  { made.wait() } -> std::same_as<void>;
  { seen.is_running() } noexcept -> std::same_as<bool>;
  { seen.size() } noexcept -> std::same_as<std::size_t>;
  { seen.dot() } -> std::same_as<std::string>;
});
template <class F>
constexpr bool is_a_step = requires(graph made, F f) { made.add(f); };
static_assert(!is_a_step<callable>, "a number that nobody looks at would be lost: that is a branch");

// clang-format on

static_assert(std::is_constructible_v<strand, thread_pool&>);
static_assert(std::is_same_v<decltype(blocking(callable{})), int>);

static_assert(noexcept(default_pool()) && std::is_same_v<decltype(default_pool()), thread_pool&>);
static_assert(noexcept(available_parallelism()) && std::is_same_v<decltype(available_parallelism()), std::uint32_t>);
static_assert(std::is_same_v<decltype(this_worker::pool()), thread_pool*>);
static_assert(std::is_same_v<decltype(this_worker::index()), std::size_t> && this_worker::npos == worker::npos);

static_assert(std::is_same_v<decltype(pool_hooks::worker_start), void (*)(void*, std::size_t) noexcept>);
static_assert(std::is_same_v<decltype(pool_hooks::worker_stop), void (*)(void*, std::size_t) noexcept>);
static_assert(std::is_same_v<decltype(pool_hooks::before_park), void (*)(void*, std::size_t) noexcept>);
static_assert(std::is_same_v<decltype(pool_hooks::unhandled_exception), void (*)(void*, std::exception_ptr) noexcept>);

/// Every field, in the order in which designated initialisers must name them, and all of it constant.
constinit thread_pool configured{pool_config{.max_threads = 1,
                                             .max_spare_threads = 2,
                                             .max_queued = 3,
                                             .stack_bytes = 1 << 20,
                                             .name = "face",
                                             .pin = pin_policy::none(),
                                             .spin_ns = 1'000,
                                             .retire_after = std::chrono::seconds(1),
                                             .on_destroy = shutdown_mode::cancel,
                                             .hooks = {.context = nullptr, .worker_start = nullptr}}};

static_assert(source_site{}.line == 0 && std::is_same_v<decltype(source_site::file), const char*>);
static_assert(std::is_error_code_enum_v<errc>);
static_assert(errc::shut_down != errc::queue_full && errc::would_deadlock != errc::cancelled);

TEST(public_face, is_whole) {
  EXPECT_EQ(configured.worker_limit(), 1u);
  EXPECT_EQ(configured.run([](worker& self) { return self.index(); }), 0u);
  EXPECT_EQ(this_worker::pool(), nullptr);
  EXPECT_EQ(this_worker::index(), this_worker::npos);
  EXPECT_EQ(configured.run([] { return this_worker::pool(); }), &configured);
}

}  // namespace
}  // namespace treadle::test
