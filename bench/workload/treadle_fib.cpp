#include "forks.hpp"

#include <treadle/treadle.hpp>

/// A program of its own, because it is linked to a shared treadle as well, in which asking for the worker costs more.
namespace {

std::uint64_t fib(treadle::worker& self, std::uint64_t n) {
  if (n < 2) return n;
  const auto [first, second] = treadle::fork_join(
      self, [n](treadle::worker& here) { return fib(here, n - 1); },
      [n](treadle::worker& here) { return fib(here, n - 2); });
  return first + second;
}

/// Without the worker at hand.
std::uint64_t fib_asking(std::uint64_t n) {
  if (n < 2) return n;
  const auto [first, second] = treadle::fork_join([n] { return fib_asking(n - 1); }, [n] { return fib_asking(n - 2); });
  return first + second;
}

void measure_fib(const bench::request& asked, bench::answer& given) {
  treadle::thread_pool& pool = *new treadle::thread_pool(treadle::pool_config{.max_threads = asked.workers()});
  bench::measure_fib(asked, given,
                     [&](std::uint64_t n) { return pool.run([n](treadle::worker& self) { return fib(self, n); }); });
}

void measure_fib_asking(const bench::request& asked, bench::answer& given) {
  treadle::thread_pool& pool = *new treadle::thread_pool(treadle::pool_config{.max_threads = asked.workers()});
  bench::measure_fib(asked, given, [&](std::uint64_t n) { return pool.run([n] { return fib_asking(n); }); });
}

constexpr bench::entry rows[] = {{"fib", measure_fib}, {"fib_asking", measure_fib_asking}};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, rows); }
