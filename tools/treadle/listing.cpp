#include "job.hpp"
#include "work.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace tool {

namespace {

constexpr std::size_t block_bytes = 64 * 1024;
/// More than the longest entry takes: with less room left the kernel might have nothing to give.
constexpr std::size_t entry_bytes_max = 4096;

/// What a directory gave at a time: raw entries in the thread's buffer.
struct block {
  const std::byte* bytes = nullptr;
  std::size_t used = 0;
  bool is_last = false;
  int error = 0;
};

block read_block(int fd) noexcept {
  std::byte* const buffer = hasher::of_this_thread().buffer();
  block read{buffer};
  while (block_bytes - read.used >= entry_bytes_max && !read.is_last) {
    const ssize_t got = ::getdents64(fd, buffer + read.used, block_bytes - read.used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) read.error = errno;
    if (got <= 0) read.is_last = true;
    if (got > 0) read.used += static_cast<std::size_t>(got);
  }
  return read;
}

/// What the walk does with a directory entry.
enum class fate { skipped, file, directory };

fate judge(int fd, const dirent64& found) noexcept {
  const char* const name = found.d_name;
  if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) return fate::skipped;
  switch (found.d_type) {
    case DT_REG:
      return fate::file;
    case DT_DIR:
      return fate::directory;
    case DT_UNKNOWN: {  // some file systems do not say
      struct stat looked_up;
      if (::fstatat(fd, name, &looked_up, AT_SYMLINK_NOFOLLOW) != 0) return fate::file;  // hashing it tells why
      return S_ISREG(looked_up.st_mode) ? fate::file : S_ISDIR(looked_up.st_mode) ? fate::directory : fate::skipped;
    }
    default:
      return fate::skipped;
  }
}

template <class Visit>
void for_each_entry(int fd, const block& read, Visit visit) {
  for (std::size_t at = 0; at < read.used;) {
    const auto& found = *reinterpret_cast<const dirent64*>(read.bytes + at);
    at += found.d_reclen;
    if (const fate decided = judge(fd, found); decided != fate::skipped) {
      visit(std::string_view(found.d_name), decided == fate::directory ? entry_kind::directory : entry_kind::file);
    }
  }
}

/// Copies what was read into a segment at the end of `into`. Null if there was nothing to keep.
segment* add_segment(folder& into, int fd, const block& read) {
  struct kept {
    std::string_view name;
    entry_kind kind;
  };
  thread_local std::vector<kept> found;
  found.clear();
  std::size_t names_bytes = 0;
  for_each_entry(fd, read, [&](std::string_view name, entry_kind kind) {
    found.push_back({name, kind});
    names_bytes += name.size() + 1;
  });
  if (found.empty()) return nullptr;
  std::unique_ptr<segment> made = segment::make(into, found.size(), names_bytes);
  char* free = made->names.get();
  for (std::size_t i = 0; i < found.size(); ++i) {
    entry& each = made->entries[i];
    each.kind = found[i].kind;
    each.name_bytes = free;
    each.name_length = static_cast<std::uint32_t>(found[i].name.size());
    std::memcpy(free, found[i].name.data(), found[i].name.size());
    free += found[i].name.size();
    *free++ = '\0';
    if (each.kind == entry_kind::directory) into.has_children = true;
  }
  made->held_bytes = static_cast<std::uint32_t>(sizeof(segment) + found.size() * sizeof(entry) + names_bytes);
  return append_segment(into, std::move(made));
}

void complain(const folder& about, int error) {
  std::string path = about.path();
  if (path.size() > 1 && path.back() == '/') path.pop_back();
  about.work->faults.unreadable(path, std::generic_category().message(error));
}

int open_folder(folder& first_read) {
  const folder& parent = *first_read.parent;
  const folder_handle at(parent);
  const std::string name = parent.is_root() ? first_read.name : first_read.name.substr(0, first_read.name.size() - 1);
  int fd = -1;
  if (at.error() == 0) fd = open_entry(at.fd(), parent, name.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd < 0) {
    complain(first_read, at.error() != 0 ? at.error() : errno);
    return -1;
  }
  std::atomic<std::int64_t>& spare = first_read.work->spare_fds;
  if (--spare >= 0) {
    first_read.keeps_fd = true;
    first_read.fd = fd;
  } else {
    ++spare;
  }
  return fd;
}

/// All entries of `read` are known. Gives the caller's hold on the walk away; `read` may be gone afterwards.
void end_listing(folder& read) {
  job& work = *read.work;
  entry* const as_entry = read.as_entry;
  read.is_listed = true;
  if (!work.options.is_unsorted) {
    put_in_order(read);
    work.workers.hold(static_cast<std::int64_t>(read.order.capacity() * sizeof(entry*)));
  }
  if (read.has_children) {
    work.workers.add_walk(read);
  } else {
    release_user(read);
  }
  if (as_entry != nullptr) settle(work, *as_entry, entry_state::listed);
}

void end_unreadable(folder& closed) {
  job& work = *closed.work;
  entry* const as_entry = closed.as_entry;
  if (as_entry != nullptr) release_owner(closed);  // the printer never comes here
  release_user(closed);
  if (as_entry != nullptr) settle(work, *as_entry, entry_state::failed);
}

void read_folder(folder& read) {
  const int fd = read.fd != folder::unopened ? read.fd : open_folder(read);
  if (fd < 0) return end_unreadable(read);
  const bool keeps_fd = read.keeps_fd;
  for (;;) {
    const block next = read_block(fd);
    if (next.error != 0) complain(read, next.error);
    segment* const added = add_segment(read, fd, next);
    const bool goes_on_later = keeps_fd && !next.is_last && added != nullptr;
    if (goes_on_later) read.work->workers.add_walk(read);
    if (next.is_last) end_listing(read);
    if (added != nullptr) queue_files(fd, *added);
    if (goes_on_later) return;
    if (next.is_last) break;
  }
  if (!keeps_fd) ::close(fd);
}

}  // namespace

void list_folder(treadle::task* started) noexcept {
  folder& read = *static_cast<folder*>(started);
  job& work = *read.work;
  read_folder(read);
  if (work.workers.end_walk_task()) work.sink.finish();
}

}  // namespace tool
