#pragma once

// What most tests include. It spares time alone: a source includes what it uses, as in the presets without this.

#include <tasks.hpp>

#include <treadle/coro.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>
