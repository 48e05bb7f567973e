#include "library.hpp"

#include <fmt/format.h>

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace tool::on_demand {

void* library::find_address(const char* function) {
  std::call_once(is_loaded_, [&] { loaded_ = ::dlopen(name_, RTLD_NOW | RTLD_LOCAL); });
  if (void* const found = loaded_ == nullptr ? nullptr : ::dlsym(loaded_, function)) return found;
  const char* const why = ::dlerror();
  fmt::print(stderr, "treadle: {} cannot be loaded, and this command needs it: {}\n", name_, why == nullptr ? "" : why);
  std::_Exit(1);
}

}  // namespace tool::on_demand
