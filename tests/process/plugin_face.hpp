#pragma once

#include <atomic>
#include <utility>

/// What a plugin does, counted in memory of the program that loads it.
struct plugin_counts {
  std::atomic<int> accepted{0}, started{0}, ended{0}, held{0};

  /// Counts itself while it lives.
  struct hold {
    explicit hold(plugin_counts& counted) : counts(&counted) { ++counts->held; }
    hold(hold&& other) noexcept : counts(std::exchange(other.counts, nullptr)) {}
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;
    hold& operator=(hold&&) = delete;
    ~hold() {
      if (counts != nullptr) --counts->held;
    }
    plugin_counts* counts;
  };
};

using plugin_begin_function = bool (*)(plugin_counts*, bool drain);
