#pragma once

#include <treadle/config.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/io/address.hpp>
#include <treadle/result.hpp>
#include <treadle/thread_pool.hpp>

#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace treadle::io {

/// Why a name has no address. Converts to `std::error_code`.
enum class resolve_errc {
  host_not_found = 1,  ///< there is no such host, or it has no address
  service_not_found,   ///< there is no such service
  try_again,           ///< no answer right now
  failed,              ///< the name service cannot answer
};

/// Returns the category of `resolve_errc`. Any thread; neither blocks nor allocates.
TREADLE_EXPORT const std::error_category& resolve_category() noexcept;

/// Makes the `std::error_code` of `code`. Any thread; neither blocks nor allocates.
inline std::error_code make_error_code(resolve_errc code) noexcept {
  return {static_cast<int>(code), resolve_category()};
}

/// Asks the system for the addresses of `host`, a name or a numeric address, with the port of `service`, a number or a
/// name such as "https". Returns at least one, those to be tried first first (RFC 6724). Suspends; the system is asked
/// on a thread of `pool` that another one stands in for, 16 at a time in the process. A numeric address asks nobody.
///
/// Fails with a `resolve_errc`, with `errc::shut_down` if the pool is, with `std::errc::invalid_argument` if a name
/// holds a zero byte, and with `errc::cancelled` as soon as the coroutine is asked to stop: a question that was put to
/// the system already cannot be called back; its answer comes to nobody, and the end of the pool waits for it.
TREADLE_EXPORT coro::task<result<std::vector<address>>> resolve(thread_pool& pool, std::string host,
                                                                std::string service);

}  // namespace treadle::io

template <>
struct std::is_error_code_enum<treadle::io::resolve_errc> : std::true_type {};
