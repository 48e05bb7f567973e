#include "../os/io/directory.hpp"

#include "../os/io/epoll.hpp"
#include "off_worker.hpp"

#include <treadle/io/directory.hpp>

#include <cstring>

namespace treadle::io {

namespace os = treadle::detail::os;
using detail::at_disk;
using detail::off_worker;
using detail::system_error_of;

namespace detail {

namespace {

/// What glibc reads at a time, too; the kernel takes no more than that for one call on most file systems.
constexpr std::size_t block_bytes = 32 << 10;

constexpr directory_entry::kind kind_of(os::file_facts::kind what) noexcept {
  switch (what) {
    case os::file_facts::kind::regular:
      return directory_entry::kind::regular;
    case os::file_facts::kind::directory:
      return directory_entry::kind::directory;
    case os::file_facts::kind::link:
      return directory_entry::kind::link;
    case os::file_facts::kind::other:
      break;
  }
  return directory_entry::kind::other;
}

constexpr directory_entry::kind kind_of(os::directory_record::kind what) noexcept {
  switch (what) {
    case os::directory_record::kind::unknown:
      return directory_entry::kind::unknown;
    case os::directory_record::kind::regular:
      return directory_entry::kind::regular;
    case os::directory_record::kind::directory:
      return directory_entry::kind::directory;
    case os::directory_record::kind::link:
      return directory_entry::kind::link;
    case os::directory_record::kind::other:
      break;
  }
  return directory_entry::kind::other;
}

}  // namespace

result<directory_reader> directory_reader::open(const directory_reader* within, const char* name,
                                                bool follow) noexcept {
  const int made = os::open_directory(within != nullptr ? within->number_ : os::no_directory, name, follow);
  if (made < 0) return system_error_of(made);
  return directory_reader(made);
}

result<void> directory_reader::fill() {
  if (block_ == nullptr) block_ = std::make_unique_for_overwrite<std::byte[]>(block_bytes);
  const std::ptrdiff_t got = os::read_directory(number_, block_.get(), block_bytes);
  next_ = 0;
  end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
  is_over_ = got <= 0;
  if (got < 0) return system_error_of(got);
  return {};
}

std::optional<directory_entry> directory_reader::pop() {
  while (next_ < end_) {
    const os::directory_record record = os::record_at(block_.get() + next_);
    next_ += record.bytes;
    if (std::strcmp(record.name, ".") == 0 || std::strcmp(record.name, "..") == 0) continue;
    return directory_entry{record.name, kind_of(record.what), record.inode};
  }
  return {};
}

result<directory_entry::kind> directory_reader::kind_at(const char* name, bool follow) const noexcept {
  os::file_facts facts;
  if (const int failed = os::facts_at(number_, name, follow, facts); failed != 0) return system_error_of(failed);
  return kind_of(facts.what);
}

result<directory_reader::identity> directory_reader::which() const noexcept {
  os::file_facts facts;
  if (const int failed = os::facts_of(number_, facts); failed != 0) return system_error_of(failed);
  return identity{facts.device, facts.inode};
}

void directory_reader::close() noexcept {
  if (number_ >= 0) os::close_descriptor(std::exchange(number_, -1));
}

}  // namespace detail

coro::task<result<directory>> directory::open(std::string path) {
  if (!detail::is_path(path)) co_return std::make_error_code(std::errc::invalid_argument);
  co_return off_worker([&]() -> result<directory> {
    result<detail::directory_reader> opened = detail::directory_reader::open(nullptr, path.c_str(), true);
    if (!opened) return opened.error();
    return directory(*std::move(opened));
  });
}

coro::task<result<std::optional<directory_entry>>> directory::next() {
  for (;;) {
    std::optional<directory_entry> found = reader_.pop();
    if (found) {
      if (found->what == directory_entry::kind::unknown) {
        // Asked whatever was requested meanwhile: the entry is taken.
        const auto asked = at_disk([&] { return reader_.kind_at(found->name.c_str(), false); });
        if (asked) found->what = *asked;
      }
      co_return found;
    }
    if (reader_.is_over()) co_return std::optional<directory_entry>{};
    const result<void> read = off_worker([&] { return reader_.fill(); });
    if (!read) co_return read.error();
  }
}

}  // namespace treadle::io
