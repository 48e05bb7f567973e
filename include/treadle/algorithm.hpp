#pragma once

/// All parallel algorithms in one include.

#include <treadle/algorithm/copy_if.hpp>
#include <treadle/algorithm/exclusive_scan.hpp>
#include <treadle/algorithm/find_if.hpp>
#include <treadle/algorithm/for_each.hpp>
#include <treadle/algorithm/inclusive_scan.hpp>
#include <treadle/algorithm/parallel_for.hpp>
#include <treadle/algorithm/parallel_invoke.hpp>
#include <treadle/algorithm/reduce.hpp>
#include <treadle/algorithm/sort.hpp>
#include <treadle/algorithm/stable_sort.hpp>
#include <treadle/algorithm/transform.hpp>
#include <treadle/algorithm/transform_reduce.hpp>
#include <treadle/algorithm/with.hpp>
