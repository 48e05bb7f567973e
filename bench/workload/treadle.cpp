#include "intrusive.hpp"
#include "treadle_pool.hpp"

namespace {

/// A sort is forked, as a user would; its form with tasks, first in first out, stands beside it.
constexpr bench::entry scheduled[] = {{"quicksort_scheduled", bench::intrusive::quicksort<bench::treadle_pool>}};

}  // namespace

int main(int argc, char** argv) {
  bench::serve_any(argc, argv,
                   {bench::treadle_fork_rows(), scheduled, bench::treadle_loop_rows(), bench::treadle_number_rows(),
                    bench::intrusive::rows<bench::treadle_pool>});
}
