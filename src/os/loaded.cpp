#include "os.hpp"

#include <dlfcn.h>

namespace treadle::detail::os {

bool is_loaded(const void* address) noexcept {
  // A program without a loader knows of no object, not even of the one that this function is in.
  Dl_info found;
  return dladdr(address, &found) != 0 || dladdr(reinterpret_cast<const void*>(&is_loaded), &found) == 0;
}

}  // namespace treadle::detail::os
