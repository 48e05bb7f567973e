#include "unpack.hpp"

#include "../text.hpp"
#include "fault.hpp"
#include "folder.hpp"

#include <fmt/format.h>

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace tool::install {

namespace {

struct free_archive {
  void operator()(archive* read) const noexcept { archive_read_free(read); }
};
using reader = std::unique_ptr<archive, free_archive>;

[[noreturn]] void refuse(std::string_view name, const std::string& why) {
  throw fault("'" + readable(name) + "' in it " + why);
}

reader open_tarball(std::span<const std::byte> tarball) {
  reader read(archive_read_new());
  if (read == nullptr) throw std::bad_alloc();
  archive_read_support_filter_gzip(read.get());
  archive_read_support_format_tar(read.get());
  if (archive_read_open_memory(read.get(), tarball.data(), tarball.size()) != ARCHIVE_OK) {
    throw fault(std::string("it is no tarball: ") + archive_error_string(read.get()));
  }
  return read;
}

constexpr std::size_t most_name_bytes = 255;   // what file systems take
constexpr std::size_t most_path_bytes = 3000;  // of the 4,095 that the system takes

/// The members of one package, as they are written.
class unpacking {
 public:
  unpacking(archive& from, int into, const unpack_limits& limits) : from_(from), into_(into), limits_(limits) {}

  void add(archive_entry* entry);
  [[nodiscard]] std::vector<member> take() && { return std::move(made_); }

 private:
  void count(const char* name, archive_entry* entry);
  [[nodiscard]] std::string checked_path(std::string_view name) const;
  void enter(const std::string& path, member::kind what);
  void make_parents(const std::string& path);
  void add_folder(const std::string& path);
  void add_file(const std::string& path, unsigned mode, std::uint64_t bytes);
  void copy_data(int to, const std::string& path, std::uint64_t bytes);

  archive& from_;
  int into_;
  const unpack_limits& limits_;
  std::vector<member> made_;
  std::unordered_map<std::string, std::size_t> by_path_;  ///< index into made_
  std::unordered_map<std::string, std::string> folded_;   ///< in lower case -> as it was written
  std::unordered_set<std::string> ignore_files_;
  std::size_t seen_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Counts a member, also one that is not unpacked: it has to be read all the same.
void unpacking::count(const char* name, archive_entry* entry) {
  if (++seen_ > limits_.most_members) refuse(name, "is one member too many");
  const la_int64_t bytes = archive_entry_size(entry);
  if (bytes < 0) refuse(name, "has a negative size");
  if (static_cast<std::uint64_t>(bytes) > limits_.most_bytes - bytes_) {
    refuse(name, "makes it larger than " + with_commas(limits_.most_bytes) + " bytes");
  }
  bytes_ += static_cast<std::uint64_t>(bytes);
}

/// Returns the path below the package's root; empty for the root itself.
std::string unpacking::checked_path(std::string_view name) const {
  if (name.empty()) refuse(name, "has no name");
  if (name.front() == '/') refuse(name, "has an absolute path");
  const std::vector<std::string_view> parts = components(name);
  if (std::find(parts.begin(), parts.end(), "..") != parts.end()) refuse(name, "leads upwards");
  if (parts.size() > limits_.most_folders_deep + 2) {
    refuse(name, fmt::format("lies more than {} folders deep", limits_.most_folders_deep));
  }
  if (name.size() > most_path_bytes ||
      std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part.size() > most_name_bytes; })) {
    refuse(name, "has a name that is too long");
  }
  std::string path;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (i > 1) path += '/';
    path += parts[i];
  }
  return path;
}

/// Enters a new path. Throws if there is one that only differs in case, where that is the same.
void unpacking::enter(const std::string& path, member::kind what) {
  if (made_.size() >= limits_.most_members) refuse(path, "is one member too many");
  if (limits_.ignores_case) {
    const auto [before, is_new] = folded_.emplace(lower(path), path);
    if (!is_new && before->second != path) {
      refuse(path, "and '" + readable(before->second) + "' are the same name on this file system");
    }
  }
  by_path_.emplace(path, made_.size());
  made_.push_back({path, 0, what});
}

void unpacking::make_parents(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash != path.npos) add_folder(path.substr(0, slash));
}

void unpacking::add_folder(const std::string& path) {
  const auto found = by_path_.find(path);
  if (found != by_path_.end()) {
    if (made_[found->second].what != member::kind::folder) refuse(path, "is a file and a folder");
    return;
  }
  make_parents(path);
  enter(path, member::kind::folder);
  if (::mkdirat(into_, path.c_str(), 0777) != 0) throw_errno(readable(path));
}

void unpacking::add_file(const std::string& path, unsigned mode, std::uint64_t bytes) {
  make_parents(path);
  const auto before = by_path_.find(path);
  if (before != by_path_.end()) {  // the later one counts
    if (made_[before->second].what == member::kind::folder) refuse(path, "is a file and a folder");
    if (::unlinkat(into_, path.c_str(), 0) != 0) throw_errno(readable(path));
  } else {
    enter(path, member::kind::file);
  }
  const unsigned given = (mode & 0777) | 0666;  // less the umask
  const handle file(::openat(into_, path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, given));
  if (!file && errno == EEXIST) refuse(path, "has the name of another file in it");
  if (!file) throw_errno(readable(path));
  copy_data(file.number(), path, bytes);
  made_[by_path_.at(path)].mode = given;
}

void unpacking::copy_data(int to, const std::string& path, std::uint64_t bytes) {
  for (;;) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int got = archive_read_data_block(&from_, &block, &size, &offset);
    if (got == ARCHIVE_EOF) break;
    if (got < ARCHIVE_WARN) throw fault(std::string("the tarball is damaged: ") + archive_error_string(&from_));
    // The map of a sparse one may say anything.
    if (offset < 0 || static_cast<std::uint64_t>(offset) > bytes || size > bytes - static_cast<std::uint64_t>(offset)) {
      refuse(path, "holds more than its size");
    }
    const char* from = static_cast<const char*>(block);
    while (size > 0) {
      const ssize_t written = ::pwrite(to, from, size, offset);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw_errno(readable(path));
      from += written;
      offset += written;
      size -= static_cast<std::size_t>(written);
    }
  }
  // A hole at the end has no block.
  struct stat found;
  if (::fstat(to, &found) == 0 && static_cast<std::uint64_t>(found.st_size) < bytes) {
    if (::ftruncate(to, static_cast<off_t>(bytes)) != 0) throw_errno(readable(path));
  }
}

void unpacking::add(archive_entry* entry) {
  // What is not in this locale's encoding comes by the other call.
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  if (name == nullptr) throw fault("a member of the tarball has no name");
  count(name, entry);
  std::string path = checked_path(name);
  const auto type = archive_entry_filetype(entry);
  if (archive_entry_hardlink(entry) != nullptr || type == AE_IFLNK) {
    made_.push_back({std::move(path), 0, member::kind::left_out});
    return;
  }
  if (path.empty()) {
    if (type != AE_IFDIR && type != AE_IFREG) refuse(name, "is neither file nor folder");
    return;
  }
  if (type == AE_IFDIR) return add_folder(path);
  if (type != AE_IFREG) refuse(name, "is neither file nor folder");
  const std::size_t base = path.rfind('/') + 1;
  if (std::string_view(path).substr(base) == ".npmignore") ignore_files_.insert(path);
  if (std::string_view(path).substr(base) == ".gitignore") {
    path.replace(base, std::string::npos, ".npmignore");
    if (ignore_files_.contains(path)) return;
  }
  add_file(path, archive_entry_perm(entry), static_cast<std::uint64_t>(archive_entry_size(entry)));
}

}  // namespace

std::vector<member> unpack(std::span<const std::byte> tarball, int into, const unpack_limits& limits) {
  const reader from = open_tarball(tarball);
  unpacking under_way(*from, into, limits);
  for (;;) {
    archive_entry* entry = nullptr;
    const int got = archive_read_next_header(from.get(), &entry);
    if (got == ARCHIVE_EOF) break;
    if (got < ARCHIVE_WARN) throw fault(std::string("the tarball is damaged: ") + archive_error_string(from.get()));
    under_way.add(entry);
  }
  std::vector<member> made = std::move(under_way).take();
  if (made.empty()) throw fault("the tarball holds no file");
  return made;
}

}  // namespace tool::install
