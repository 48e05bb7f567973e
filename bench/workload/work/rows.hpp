#pragma once

#include "cilksort.hpp"
#include "knapsack.hpp"
#include "matrices.hpp"
#include "queens.hpp"
#include "trees.hpp"
#include "uts.hpp"

namespace bench {

/// The rows that fork, for the table of a contender; see forking.hpp for what `Pool` is.
template <class Pool>
inline constexpr entry work_rows[] = {
    {"small_trees", small_trees<Pool>},     {"entered_trees", entered_trees<Pool>},
    {"skynet", work_row<Pool, skynet>},     {"tree_sum", work_row<Pool, tree_sum>},
    {"queens", work_row<Pool, queens>},     {"uts", work_row<Pool, uts>},
    {"cilksort", work_row<Pool, cilksort>}, {"matmul", work_row<Pool, matmul>},
    {"strassen", work_row<Pool, strassen>}, {"knapsack", work_row<Pool, knapsack>},
};

/// The same without a pool.
inline constexpr entry bare_rows[] = {
    {"skynet", bare_row<skynet>},     {"tree_sum", bare_row<tree_sum>}, {"queens", bare_row<queens>},
    {"uts", bare_row<uts>},           {"cilksort", bare_row<cilksort>}, {"matmul", bare_row<matmul>},
    {"strassen", bare_row<strassen>}, {"knapsack", bare_row<knapsack>},
};

}  // namespace bench
