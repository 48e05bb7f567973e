// Kernels report broken invariants by calling the library; in a model that is a failure of the execution. Weak: a test
// program that does pull the library's definition in aborts there instead.
#include "engine.hpp"

#include <treadle/assert.hpp>

#include <cstdio>
#include <cstdlib>

namespace treadle::detail {

[[gnu::weak]] void invariant_broken(const char* what, const char* file, int line, std::uint64_t word_a,
                                    std::uint64_t word_b) noexcept {
  if (mc::engine::active == nullptr || !mc::engine::active->running()) {
    std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
    std::abort();
  }
  {
    char text[512];
    std::snprintf(text, sizeof text, "invariant: %s at %s:%d (0x%llx, 0x%llx)", what, file, line,
                  static_cast<unsigned long long>(word_a), static_cast<unsigned long long>(word_b));
    mc::engine::active->fail(mc::failure::check, text);
  }
  mc::engine::active->leave();
}

}  // namespace treadle::detail
