#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace treadle::test::injector {

inline constexpr std::uint32_t allocation = UINT32_MAX, no_call = UINT32_MAX - 1;

/// A place that can be made to fail, and how. The last of `all_points` is every allocation with operator new.
struct point {
  std::string name;
  std::uint32_t call = 0;           ///< a detail::os::call, or `allocation`
  int error = 0;                    ///< what errno says
  bool lasts = true;                ///< it may fail for good
  bool reported = true;             ///< whoever made the call is to hear of the error; else the library lives with it
  bool io_only = false;             ///< only programs with descriptors come by it
  std::uint32_t missing = no_call;  ///< a call that the system does not have meanwhile
};

[[nodiscard]] const std::vector<point>& all_points();

/// From now on the k-th use of the place fails, counted from 1; with `and_on` all that follow, too.
void arm(const point& chosen, std::uint64_t k, bool and_on) noexcept;
void disarm() noexcept;
/// Returns the place that was armed last.
[[nodiscard]] const point& armed() noexcept;
/// Says whether anything failed since `arm`.
[[nodiscard]] bool has_fired() noexcept;

/// Keeps what a test itself allocates from failing.
class exemption {
 public:
  exemption() noexcept;
  ~exemption();
  exemption(const exemption&) = delete;
  exemption& operator=(const exemption&) = delete;
};

/// Objects that were made with operator new and still live.
[[nodiscard]] std::int64_t live_objects() noexcept;

}  // namespace treadle::test::injector
