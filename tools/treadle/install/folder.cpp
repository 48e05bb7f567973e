#include "folder.hpp"

#include "fault.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

namespace tool::install {

namespace {

struct close_listing {
  void operator()(DIR* listing) const noexcept { ::closedir(listing); }
};
using listing = std::unique_ptr<DIR, close_listing>;

listing open_listing(int at, const char* name) noexcept {
  const int fd = ::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return nullptr;
  listing opened(::fdopendir(fd));
  if (opened == nullptr) ::close(fd);
  return opened;
}

bool is_dots(const char* name) noexcept { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

constexpr unsigned deepest = 64;

/// Gives the owner all rights to a folder, not to what a link with its name leads to.
void open_up(int at, const char* name) noexcept {
  const handle found(::openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!found) return;
  char path[48];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", found.number());
  static_cast<void>(::chmod(path, 0700));
}

/// Opens a folder that is to be emptied, and makes that possible.
listing open_to_empty(int at, const char* name) noexcept {
  listing inside = open_listing(at, name);
  if (inside == nullptr && errno == EACCES) {
    open_up(at, name);
    inside = open_listing(at, name);
  }
  struct stat found;
  if (inside != nullptr && ::fstat(::dirfd(inside.get()), &found) == 0 && (found.st_mode & 0700) != 0700) {
    static_cast<void>(::fchmod(::dirfd(inside.get()), 0700));
  }
  return inside;
}

/// Removes what is in one tree. What lies deep is first moved up into `top`, so that neither the stack nor the
/// descriptors that are open depend on how deep somebody has made it.
class removal {
 public:
  explicit removal(int top) noexcept : top_(top) {}

  bool empty(DIR* inside, unsigned depth) noexcept {
    bool is_empty = true;
    while (const dirent* const found = ::readdir(inside)) {
      if (!is_dots(found->d_name)) is_empty = remove(::dirfd(inside), found->d_name, depth) && is_empty;
    }
    return is_empty;
  }
  [[nodiscard]] bool has_moved() const noexcept { return moved_ > 0; }

 private:
  bool remove(int at, const char* name, unsigned depth) noexcept {
    if (::unlinkat(at, name, 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) return false;
    if (depth >= deepest) return move_up(at, name);
    {
      const listing inside = open_to_empty(at, name);
      if (inside == nullptr || !empty(inside.get(), depth + 1)) return false;
    }
    return ::unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
  }

  bool move_up(int at, const char* name) noexcept {
    for (unsigned tries = 0; tries < 1000; ++tries) {
      char place[48];
      std::snprintf(place, sizeof place, ".treadle-deep-%u", moved_++);
      if (::renameat(at, name, top_, place) == 0) return true;
      if (errno == EACCES)
        open_up(at, name);  // it cannot be written to, and has its parent's name in it
      else if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
        return false;
    }
    return false;
  }

  int top_;
  unsigned moved_ = 0;
};

std::string read_all(int file, const std::string& path) {
  std::string text;
  std::array<char, 64 * 1024> part;
  for (;;) {
    const ssize_t read = ::read(file, part.data(), part.size());
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) throw_errno(path);
    if (read == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(read));
  }
}

}  // namespace

handle open_folder(const std::string& path) { return handle(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

handle open_beneath(int at, std::string_view path, int flags) {
  const std::vector<std::string_view> parts = components(path);
  handle reached;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const int from = reached ? reached.number() : at;
    const std::string name(parts[i]);
    struct stat found;
    if (name == ".." || (::fstatat(from, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode))) {
      errno = ELOOP;
      return {};
    }
    const bool is_last = i + 1 == parts.size();
    handle next(::openat(from, name.c_str(), (is_last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return {};
    reached = std::move(next);
  }
  if (!reached) reached = handle(::openat(at, ".", flags | O_CLOEXEC));
  return reached;
}

void make_folders(int at, std::string_view path, unsigned mode) {
  const std::string whole(path);
  if (::mkdirat(at, whole.c_str(), mode) == 0 || errno == EEXIST) return;
  if (errno != ENOENT) throw_errno(whole);
  for (std::size_t end = whole.find('/', 1); end != whole.npos; end = whole.find('/', end + 1)) {
    if (::mkdirat(at, whole.substr(0, end).c_str(), mode) != 0 && errno != EEXIST) throw_errno(whole);
  }
  if (::mkdirat(at, whole.c_str(), mode) != 0 && errno != EEXIST) throw_errno(whole);
}

bool remove_tree(int at, const char* name) noexcept {
  if (::unlinkat(at, name, 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR && errno != EPERM) return false;
  for (;;) {
    bool has_moved = false;
    {
      const listing inside = open_to_empty(at, name);
      if (inside == nullptr) return false;
      removal each(::dirfd(inside.get()));
      if (!each.empty(inside.get(), 0)) return false;
      has_moved = each.has_moved();
    }
    if (::unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (!has_moved) return false;
  }
}

std::vector<std::string> names_in(int at, const char* name) {
  std::vector<std::string> names;
  if (const listing inside = open_listing(at, name)) {
    while (const dirent* const found = ::readdir(inside.get())) {
      if (!is_dots(found->d_name)) names.emplace_back(found->d_name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_file(const std::string& path) {
  const handle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno(path);
  return read_all(file.number(), path);
}

handle open_regular(const std::string& path) {
  handle file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) throw_errno(path);
  struct stat found;
  if (::fstat(file.number(), &found) != 0) throw_errno(path);
  if (!S_ISREG(found.st_mode)) throw fault(path + " is no file");
  return file;
}

std::string read_regular(const std::string& path) { return read_all(open_regular(path).number(), path); }

void write_file(int at, const std::string& name, std::string_view text, unsigned mode) {
  const handle file(::openat(at, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) throw_errno(name);
  while (!text.empty()) {
    const ssize_t written = ::write(file.number(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno(name);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::vector<std::string_view> components(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (!part.empty() && part != ".") parts.push_back(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

std::string confined(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view part : components(path)) {
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string joined;
  for (const std::string_view part : kept) {
    if (!joined.empty()) joined += '/';
    joined += part;
  }
  return joined;
}

std::string relative_path(std::string_view from, std::string_view to) {
  const std::vector<std::string_view> begin = components(from);
  const std::vector<std::string_view> end = components(to);
  std::size_t same = 0;
  while (same < begin.size() && same < end.size() && begin[same] == end[same]) ++same;
  std::string path;
  for (std::size_t i = same; i < begin.size(); ++i) path += path.empty() ? ".." : "/..";
  for (std::size_t i = same; i < end.size(); ++i) {
    if (!path.empty()) path += '/';
    path += end[i];
  }
  return path.empty() ? "." : path;
}

unsigned current_umask() {
  // The system has no call that only looks, but for this file; a process without /proc gets the usual one.
  static const unsigned found = [] {
    unsigned mask = 022;
    try {
      const std::string status = read_file("/proc/self/status");
      const std::size_t at = status.find("\nUmask:");
      if (at != status.npos) mask = static_cast<unsigned>(std::stoul(status.substr(at + 7), nullptr, 8));
    } catch (const std::exception&) {
      return mask;
    }
    return mask;
  }();
  return found;
}

}  // namespace tool::install
