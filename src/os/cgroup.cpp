#include "cpu.hpp"
#include "fault.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>

namespace treadle::detail::os {

namespace {

constexpr double no_quota = std::numeric_limits<double>::infinity();
constexpr std::size_t largest_file_bytes = std::size_t{64} << 20;  ///< a bound for what is no mount table any more

/// Bytes that grow, but for a refusal of memory: then `append` says so.
class text {
 public:
  text() noexcept = default;
  text(const text&) = delete;
  text& operator=(const text&) = delete;
  ~text() { std::free(data_); }

  [[nodiscard]] std::string_view view() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void shorten(std::size_t size) noexcept { size_ = size; }

  [[nodiscard]] bool append(std::string_view more) noexcept {
    if (!make_room(more.size())) return false;
    if (!more.empty()) std::memcpy(data_ + size_, more.data(), more.size());
    size_ += more.size();
    return true;
  }

  /// Returns the bytes with a zero behind them, or null.
  [[nodiscard]] const char* c_str() noexcept {
    if (!make_room(1)) return nullptr;
    data_[size_] = '\0';
    return data_;
  }

  /// Appends a whole file. False, with what was read so far, if it cannot be read to its end.
  [[nodiscard]] bool append_file(const char* path) noexcept {
    if (path == nullptr || fails(call::open)) return false;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return false;
    ssize_t count = -1;
    while (size_ < largest_file_bytes && make_room(1)) {
      do {
        count = fails(call::read) ? -1 : ::read(file, data_ + size_, capacity_ - size_);
      } while (count < 0 && errno == EINTR);
      if (count <= 0) break;
      size_ += static_cast<std::size_t>(count);
    }
    close(file);
    return count == 0;
  }

 private:
  bool make_room(std::size_t more) noexcept {
    if (capacity_ - size_ >= more) return true;
    std::size_t capacity = capacity_ == 0 ? 1024 : capacity_;
    while (capacity - size_ < more) capacity *= 2;
    if (fails(call::realloc)) return false;
    auto* const data = static_cast<char*>(std::realloc(data_, capacity));
    if (data == nullptr) return false;
    data_ = data;
    capacity_ = capacity;
    return true;
  }

  char* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

/// Cuts the part before `separator` off the front of `rest`; all of it if there is none.
std::string_view cut(std::string_view& rest, char separator) noexcept {
  const std::size_t at = rest.find(separator);
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return part;
}

bool lists(std::string_view list, std::string_view word) noexcept {
  while (!list.empty()) {
    if (cut(list, ',') == word) return true;
  }
  return false;
}

/// Appends a field of the mount table, in which blanks and backslashes are octal.
bool append_unescaped(text& to, std::string_view field) noexcept {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  while (!field.empty()) {
    char c = field[0];
    std::size_t used = 1;
    if (c == '\\' && field.size() >= 4 && is_octal(field[1]) && is_octal(field[2]) && is_octal(field[3])) {
      c = static_cast<char>((field[1] - '0') * 64 + (field[2] - '0') * 8 + (field[3] - '0'));
      used = 4;
    }
    if (!to.append({&c, 1})) return false;
    field.remove_prefix(used);
  }
  return true;
}

/// Reads a positive number off the front of `rest`, which blanks or the end must follow. 0: there is none.
double cut_number(std::string_view& rest) noexcept {
  const std::size_t first = rest.find_first_not_of(" \t\n");
  rest.remove_prefix(first == std::string_view::npos ? rest.size() : first);
  double value = 0;
  while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
    value = value * 10 + (rest[0] - '0');
    rest.remove_prefix(1);
  }
  return rest.empty() || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n' ? value : 0;
}

// ---- one control group ---------------------------------------------------------------------------------------------

/// Reads a file of the group whose folder is in `path`; `contents` is what it holds.
bool read_group_file(text& path, std::string_view name, text& contents) noexcept {
  const std::size_t folder = path.size();
  contents.shorten(0);
  const bool done = path.append("/") && path.append(name) && contents.append_file(path.c_str());
  path.shorten(folder);
  return done;
}

double quota_of_group(text& path, bool unified, text& contents) noexcept {
  double quota = 0, period = 0;
  if (unified) {
    if (!read_group_file(path, "cpu.max", contents)) return no_quota;
    std::string_view rest = contents.view();
    quota = cut_number(rest);
    period = cut_number(rest);
  } else {
    if (!read_group_file(path, "cpu.cfs_quota_us", contents)) return no_quota;
    std::string_view rest = contents.view();
    quota = cut_number(rest);
    if (!read_group_file(path, "cpu.cfs_period_us", contents)) return no_quota;
    rest = contents.view();
    period = cut_number(rest);
  }
  return quota > 0 && period > 0 ? quota / period : no_quota;
}

// ---- the mounts, and where the process is below them ---------------------------------------------------------------

struct mount {
  std::string_view id, parent, root, point;  ///< the last two still escaped
  bool unified = false;
};

/// Takes a line of the mount table apart. False if it is no hierarchy with the CPU controller.
bool parse_mount(std::string_view line, mount& parsed) noexcept {
  parsed.id = cut(line, ' ');
  parsed.parent = cut(line, ' ');
  cut(line, ' ');  // device
  parsed.root = cut(line, ' ');
  parsed.point = cut(line, ' ');
  while (!line.empty() && cut(line, ' ') != "-") {
  }
  const std::string_view type = cut(line, ' ');
  cut(line, ' ');  // source
  parsed.unified = type == "cgroup2";
  return parsed.unified || (type == "cgroup" && lists(line, "cpu"));
}

/// Says whether something else is mounted over `covered`, so that its files are out of reach.
bool is_covered(const mount& covered, std::string_view table) noexcept {
  while (!table.empty()) {
    mount other;
    parse_mount(cut(table, '\n'), other);
    if (other.parent == covered.id && other.point == covered.point) return true;
  }
  return false;
}

bool starts_upwards(std::string_view path) noexcept { return path == "/.." || path.substr(0, 4) == "/../"; }

/// Finds the part of `path` below `root`. Both are relative to the process's cgroup namespace, so they may lead out of
/// it by "/..". False if root is not around path.
bool find_below(std::string_view root, std::string_view path, std::string_view& below) noexcept {
  while (starts_upwards(root) && starts_upwards(path)) {
    root.remove_prefix(3);
    path.remove_prefix(3);
  }
  if (root == "/") root = {};
  if (path == "/") path = {};
  if (starts_upwards(path)) return false;
  if (starts_upwards(root)) {
    // Above the namespace, whose own place below it has no name here: the root's own quota is all we can find.
    while (starts_upwards(root)) root.remove_prefix(3);
    below = {};
    return root.empty();
  }
  if (path.substr(0, root.size()) != root) return false;
  below = path.substr(root.size());
  return below.empty() || below[0] == '/';
}

/// Returns the least quota from the group at `path` below the mount up to the mount's own.
double quota_below(const mount& hierarchy, std::string_view own_path) noexcept {
  text root, folder, contents;
  std::string_view below;
  if (!append_unescaped(root, hierarchy.root) || !find_below(root.view(), own_path, below)) return no_quota;
  if (!append_unescaped(folder, hierarchy.point)) return no_quota;
  const std::size_t top = folder.size();
  if (!folder.append(below)) return no_quota;
  double least = no_quota;
  for (;;) {
    const double quota = quota_of_group(folder, hierarchy.unified, contents);
    if (quota < least) least = quota;
    if (folder.size() <= top) return least;
    const std::size_t slash = folder.view().rfind('/');
    folder.shorten(slash != std::string_view::npos && slash > top ? slash : top);
  }
}

bool append_proc_file(text& to, const char* proc_self_dir, std::string_view name) noexcept {
  text path;
  return path.append(proc_self_dir) && path.append(name) && to.append_file(path.c_str());
}

}  // namespace

double cpu_quota(const char* proc_self_dir) noexcept {
  text groups, mounts;
  if (!append_proc_file(groups, proc_self_dir, "/cgroup")) return no_quota;
  if (!append_proc_file(mounts, proc_self_dir, "/mountinfo")) return no_quota;
  double least = no_quota;
  std::string_view mount_lines = mounts.view();
  while (!mount_lines.empty()) {
    mount hierarchy;
    if (!parse_mount(cut(mount_lines, '\n'), hierarchy) || is_covered(hierarchy, mounts.view())) continue;
    std::string_view group_lines = groups.view();
    while (!group_lines.empty()) {
      std::string_view path = cut(group_lines, '\n');
      const std::string_view id = cut(path, ':');
      const std::string_view controllers = cut(path, ':');
      if (path.empty() || path[0] != '/') continue;
      if (hierarchy.unified ? id != "0" || !controllers.empty() : !lists(controllers, "cpu")) continue;
      const double quota = quota_below(hierarchy, path);
      if (quota < least) least = quota;
    }
  }
  return least;
}

}  // namespace treadle::detail::os
