// Early exit: find_if ends the search with the first match in order; any other loop ends early by a stop of its own.
#include <treadle/treadle.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <system_error>
#include <vector>

namespace {

bool is_prime(std::uint64_t number) {
  for (std::uint64_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return number > 1;
}

}  // namespace

int main() {
  std::vector<std::uint64_t> numbers(1'000'000);
  std::iota(numbers.begin(), numbers.end(), std::uint64_t{1} << 32);
  const auto prime = treadle::find_if(treadle::default_pool(), numbers, is_prime);
  std::printf("the first prime from 2^32 on: %ju\n", static_cast<std::uintmax_t>(*prime));

  // Some match is enough, so whoever finds one stops all others.
  treadle::stop_token found;
  std::atomic<std::uint64_t> any{0};
  try {
    treadle::parallel_for(treadle::with(treadle::default_pool(), found), std::uint64_t{1} << 40, std::uint64_t{1} << 41,
                          [&](std::uint64_t number) {
                            if (!found.stop_requested() && is_prime(number) && found.request_stop()) any = number;
                          });
  } catch (const std::system_error& error) {
    if (error.code() != treadle::errc::cancelled) throw;
  }
  std::printf("some prime above 2^40 was found: %s\n", is_prime(any) ? "yes" : "no");
  return *prime == 4'294'967'311 && is_prime(any) ? 0 : 1;
}
