#include "fault.hpp"

namespace treadle::detail::os {

#if defined(TREADLE_FAULTS)
constinit std::atomic<bool (*)(call) noexcept> fault_hook{nullptr};
#endif

}  // namespace treadle::detail::os
