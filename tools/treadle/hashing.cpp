#include "job.hpp"
#include "work.hpp"

#include <treadle/blocking.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace tool {

namespace {

/// A task of small files ends at whichever comes first: enough to make the pool's part of it vanish, little enough to
/// share the last of them evenly.
constexpr std::uint32_t files_per_chunk = 64;
constexpr std::uint64_t bytes_per_chunk = 1024 * 1024;

std::uint64_t look_up_size(int fd, const folder& in, const entry& of) noexcept {
  struct stat found;
  if (::fstatat(fd, of.name_bytes, &found, in.is_root() ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return 0;  // hashing tells why
  return S_ISREG(found.st_mode) ? static_cast<std::uint64_t>(found.st_size) : 0;
}

/// Cuts the files of a segment into chunks as their sizes become known.
class cutter {
 public:
  explicit cutter(segment& of) noexcept : of_(of) {}

  void add(std::uint32_t at, std::uint64_t bytes) {
    const bool is_alone = bytes >= bytes_per_chunk || of_.entries[at].kind == entry_kind::stream;
    if (is_alone || open_.files == files_per_chunk || open_.bytes + bytes > bytes_per_chunk) close();
    if (open_.files == 0) open_.first = at;
    ++open_.files;
    open_.bytes += bytes;
    open_.last = at + 1;
    if (is_alone) close();
  }

  void close() {
    if (open_.files == 0) return;
    of_.chunks.push_back(open_);
    open_.files = 0;
    open_.bytes = 0;
  }

 private:
  segment& of_;
  chunk open_;
};

void cut(int fd, segment& read) {
  folder& in = *read.owner;
  job& work = *in.work;
  cutter cutting(read);
  std::uint64_t files = 0;
  std::uint64_t all_bytes = 0;
  std::int64_t allowance = 0;
  for (std::uint32_t i = 0; i < read.count; ++i) {
    entry& each = read.entries[i];
    if (each.kind == entry_kind::directory) continue;
    const std::uint64_t bytes = work.wants_sizes && each.kind == entry_kind::file ? look_up_size(fd, in, each) : 0;
    each.bytes = bytes <= UINT32_MAX ? static_cast<std::uint32_t>(bytes) : 0;
    ++files;
    all_bytes += bytes;
    allowance += waiting_allowance(in.path_length, each);
    cutting.add(i, bytes);
  }
  cutting.close();
  read.held_bytes += static_cast<std::uint32_t>(read.chunks.capacity() * sizeof(chunk));
  for (chunk& each : read.chunks) {
    each.home = &read;
    each.callback = hash_chunk;
  }
  work.totals.files_found += files;
  work.totals.bytes_found += all_bytes;
  work.workers.hold(static_cast<std::int64_t>(read.held_bytes) - (work.options.is_unsorted ? 0 : allowance));
}

/// Returns 0, or an errno, or `hasher::not_regular`.
int hash_file(job& work, int at_fd, const folder& in, const entry& file, std::uint64_t bytes, digest& made) {
  hasher& hashing = hasher::of_this_thread();
  if (in.is_root() && file.name() == "-") return hashing.hash({STDIN_FILENO, 0, false}, made, work.totals.bytes_done);
  const int fd = open_entry(at_fd, in, file.name_bytes, O_RDONLY);
  if (fd < 0) return errno;
  const int error = hashing.hash({fd, bytes, !in.is_root()}, made, work.totals.bytes_done);
  ::close(fd);
  return error;
}

void hash_entry(job& work, const folder_handle& at, const folder& in, entry& file, std::uint64_t bytes) {
  digest made;
  int error = at.error();
  if (error == 0 && file.kind == entry_kind::stream) {
    error = treadle::blocking([&] { return hash_file(work, at.fd(), in, file, bytes, made); });
  } else if (error == 0) {
    error = hash_file(work, at.fd(), in, file, bytes, made);
  }
  entry_state how = entry_state::hashed;
  if (error != 0) {
    ++work.totals.unreadable_files;
    const std::string path = in.path() + std::string(file.name());
    work.faults.unreadable(
        path, error == hasher::not_regular ? "is no longer a regular file" : std::generic_category().message(error));
    how = entry_state::failed;
  } else if (!work.options.is_check) {
    file.sum = made;
  } else if (file.sum != made) {
    ++work.totals.mismatches;
    how = entry_state::mismatched;
  }
  settle(work, file, how);
}

void print_unsorted(job& work, const folder& in, const segment& home, const chunk& hashed) {
  const std::string path = in.path();
  std::string text;
  for (std::uint32_t i = hashed.first; i < hashed.last; ++i) {
    if (home.entries[i].kind != entry_kind::directory) append_result(text, work, path, home.entries[i]);
  }
  if (work.options.wants_json) {
    work.sink.append_records(text);
  } else {
    work.sink.append(text);
  }
}

}  // namespace

void queue_files(int fd, segment& read) {
  crew& workers = read.owner->work->workers;
  cut(fd, read);
  read.users += static_cast<std::uint32_t>(read.chunks.size());
  workers.add_files(read);
  release_segment(read);
}

void hash_chunk(treadle::task* started) noexcept {
  const chunk& hashed = *static_cast<chunk*>(started);
  segment& home = *hashed.home;
  const folder& in = *home.owner;
  job& work = *in.work;
  const std::uint32_t files = hashed.files;
  {
    const folder_handle at(in);
    for (std::uint32_t i = hashed.first; i < hashed.last; ++i) {
      entry& each = home.entries[i];
      if (each.kind == entry_kind::directory) continue;
      hash_entry(work, at, in, each, files == 1 ? hashed.bytes : each.bytes);
    }
  }
  hasher::of_this_thread().report_bytes(work.totals.bytes_done);
  work.totals.files_done += files;
  if (work.options.is_unsorted) print_unsorted(work, in, home, hashed);
  release_segment(home);
  if (work.workers.end_task(files)) work.sink.finish();
}

}  // namespace tool
