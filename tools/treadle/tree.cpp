#include "tree.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace tool {

namespace {

/// The byte that follows the name in a whole path, as a number below all bytes for the end.
int byte_at(const entry& of, std::size_t at) noexcept {
  if (at < of.name_length) return static_cast<unsigned char>(of.name_bytes[at]);
  return at == of.name_length && of.kind == entry_kind::directory ? '/' : -1;
}

/// The eight bytes from `at` on, so that comparing the numbers compares the names.
std::uint64_t key_at(const entry& of, std::size_t at) noexcept {
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < sizeof key; ++i) {
    const int byte = byte_at(of, at + i);
    key = key << 8 | static_cast<unsigned char>(std::max(byte, 0));
  }
  return key;
}

std::size_t shared_prefix(const std::vector<entry*>& entries) noexcept {
  const std::string_view first = entries.front()->name();
  std::size_t length = first.size();
  for (const entry* each : entries) {
    const std::string_view name = each->name();
    length = std::min(length, name.size());
    while (std::memcmp(first.data(), name.data(), length) != 0) {
      length = static_cast<std::size_t>(
          std::mismatch(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(length), name.begin()).first -
          first.begin());
    }
  }
  return length;
}

}  // namespace

std::unique_ptr<segment> segment::make(folder& owner, std::size_t count, std::size_t names_bytes) {
  auto made = std::make_unique<segment>();
  made->owner = &owner;
  made->count = static_cast<std::uint32_t>(count);
  made->entries = std::make_unique<entry[]>(count);
  made->names = std::make_unique_for_overwrite<char[]>(names_bytes);
  return made;
}

std::string folder::path() const {
  std::string text(path_length, '\0');
  std::size_t at = text.size();
  for (const folder* each = this; each != nullptr; each = each->parent) {
    at -= each->name.size();
    each->name.copy(text.data() + at, each->name.size());
  }
  return text;
}

bool is_before(const entry& a, const entry& b) noexcept {
  const std::size_t shared = std::min(a.name_length, b.name_length);
  if (const int found = std::memcmp(a.name_bytes, b.name_bytes, shared); found != 0) return found < 0;
  return byte_at(a, shared) < byte_at(b, shared);
}

void put_in_order(folder& listed) {
  std::size_t count = 0;
  for (const segment* each = listed.segments.get(); each != nullptr; each = each->following.get()) count += each->count;
  if (count == 0) return;
  listed.order.reserve(count);
  for (const segment* each = listed.segments.get(); each != nullptr; each = each->following.get()) {
    for (std::uint32_t i = 0; i < each->count; ++i) listed.order.push_back(&each->entries[i]);
  }
  // Numbers beside the pointers: nearly every comparison is decided without a look at the names.
  struct keyed {
    std::uint64_t key;
    entry* what;
  };
  const std::size_t skipped = shared_prefix(listed.order);
  std::vector<keyed> sorted(count);
  for (std::size_t i = 0; i < count; ++i) sorted[i] = {key_at(*listed.order[i], skipped), listed.order[i]};
  std::sort(sorted.begin(), sorted.end(), [](const keyed& a, const keyed& b) {
    return a.key != b.key ? a.key < b.key : is_before(*a.what, *b.what);
  });
  for (std::size_t i = 0; i < count; ++i) listed.order[i] = sorted[i].what;
}

int open_entry(int at_fd, const folder& at, const char* name, int flags) noexcept {
  const int for_found = at.is_root() ? 0 : O_NOFOLLOW | O_NONBLOCK;
  return ::openat(at_fd, name, flags | O_CLOEXEC | O_NOCTTY | for_found);
}

folder_handle::folder_handle(const folder& at) : fd_(at.fd) {
  if (fd_ != folder::unopened) return;
  // One step a directory, as the walk did: neither long paths nor a directory that became a link can lead astray.
  std::vector<const folder*> missing;
  const folder* above = &at;
  for (; above->fd == folder::unopened; above = above->parent) missing.push_back(above);
  int current = above->fd;
  for (auto step = missing.rbegin(); step != missing.rend(); ++step) {
    const folder& next = **step;
    const bool is_named = next.parent->is_root();
    const std::string name = is_named ? next.name : next.name.substr(0, next.name.size() - 1);
    const int opened = ::openat(current, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | (is_named ? 0 : O_NOFOLLOW));
    error_ = opened < 0 ? errno : 0;
    if (is_own_) ::close(current);
    is_own_ = opened >= 0;
    current = opened;
    if (error_ != 0) break;
  }
  fd_ = current;
}

folder_handle::~folder_handle() {
  if (is_own_) ::close(fd_);
}

}  // namespace tool
