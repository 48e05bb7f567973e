#include "../os/io/file.hpp"
#include "off_worker.hpp"

#include <treadle/io/file_status.hpp>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::off_worker;
using detail::outcome_of;

namespace {

std::error_code no_path() noexcept { return std::make_error_code(std::errc::invalid_argument); }

}  // namespace

coro::task<result<file_status>> stat(std::string path) {
  if (!detail::is_path(path)) co_return no_path();
  co_return off_worker([&]() -> result<file_status> {
    os::file_facts facts;
    if (const int failed = os::facts_of(path.c_str(), facts); failed != 0) return detail::system_error_of(failed);
    return detail::status_of(facts);
  });
}

coro::task<result<void>> rename(std::string from, std::string to) {
  if (!detail::is_path(from) || !detail::is_path(to)) co_return no_path();
  co_return off_worker([&] { return outcome_of(os::rename_path(from.c_str(), to.c_str())); });
}

coro::task<result<void>> unlink(std::string path) {
  if (!detail::is_path(path)) co_return no_path();
  co_return off_worker([&] { return outcome_of(os::unlink_path(path.c_str())); });
}

coro::task<result<void>> mkdir(std::string path, unsigned permissions) {
  if (!detail::is_path(path)) co_return no_path();
  co_return off_worker([&] { return outcome_of(os::make_directory(path.c_str(), permissions)); });
}

}  // namespace treadle::io
