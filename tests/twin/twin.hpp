#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

struct twin_node {
  std::atomic<twin_node*> next{nullptr};
};
