#include "resolver.hpp"

#include "../fault.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace treadle::detail::os {

namespace {

lookup_failure meaning_of(int code) noexcept {
  switch (code) {
    case 0:
      return lookup_failure::none;
    case EAI_NONAME:
#if defined(EAI_NODATA)
    case EAI_NODATA:
#endif
      return lookup_failure::host_not_found;
    case EAI_SERVICE:
      return lookup_failure::service_not_found;
    case EAI_AGAIN:
      return lookup_failure::try_again;
    case EAI_SYSTEM:
    case EAI_MEMORY:
      return lookup_failure::system;
    default:
      return lookup_failure::failed;
  }
}

struct freer {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};

}  // namespace

lookup_result look_up(const char* host, const char* service, bool numeric_only) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = numeric_only ? AI_NUMERICHOST | AI_NUMERICSERV : 0;
  addrinfo* list = nullptr;
  const int code = fails(call::look_up) ? EAI_SYSTEM : getaddrinfo(host, service, &wanted, &list);
  lookup_result result;
  result.what = meaning_of(code);
  result.error = code == EAI_MEMORY ? ENOMEM : code == EAI_SYSTEM ? errno : 0;
  const std::unique_ptr<addrinfo, freer> owned(code == 0 ? list : nullptr);
  for (const addrinfo* each = owned.get(); each != nullptr; each = each->ai_next) {
    socket_address& made = result.found.emplace_back();
    if (each->ai_addrlen > sizeof made.room) {
      result.found.pop_back();
      continue;
    }
    std::memcpy(made.room, each->ai_addr, each->ai_addrlen);
    made.bytes = static_cast<std::uint32_t>(each->ai_addrlen);
  }
  return result;
}

}  // namespace treadle::detail::os
