// Sums the sizes of all files below some directories, in parallel: a fork for each half of each directory's entries.
#include <treadle/treadle.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <system_error>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct usage {
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;
  std::uint64_t unreadable = 0;

  friend usage operator+(const usage& a, const usage& b) {
    return {a.bytes + b.bytes, a.files + b.files, a.unreadable + b.unreadable};
  }
};

usage usage_of(treadle::worker& self, std::span<const fs::directory_entry> entries);

usage usage_below(treadle::worker& self, const fs::path& directory) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator each(directory, error), end; !error && each != end; each.increment(error)) {
    entries.push_back(*each);
  }
  usage sum = usage_of(self, entries);
  if (error) ++sum.unreadable;
  return sum;
}

usage usage_of(treadle::worker& self, std::span<const fs::directory_entry> entries) {
  if (entries.empty()) return {};
  if (entries.size() > 1) {
    const std::size_t half = entries.size() / 2;
    const auto [left, right] = treadle::fork_join(
        self, [&](treadle::worker& here) { return usage_of(here, entries.first(half)); },
        [&](treadle::worker& here) { return usage_of(here, entries.subspan(half)); });
    return left + right;
  }
  std::error_code error;
  const fs::directory_entry& only = entries.front();
  const fs::file_status status = only.symlink_status(error);
  if (!error && fs::is_directory(status)) return usage_below(self, only.path());
  if (!error && !fs::is_regular_file(status)) return {};
  const std::uintmax_t bytes = error ? 0 : only.file_size(error);
  return error ? usage{0, 0, 1} : usage{bytes, 1, 0};
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc || i == 1; ++i) {
    const char* const directory = i < argc ? argv[i] : ".";
    const usage sum = treadle::default_pool().run([&](treadle::worker& self) { return usage_below(self, directory); });
    std::printf("%s: %ju bytes in %ju files, %ju unreadable\n", directory, static_cast<std::uintmax_t>(sum.bytes),
                static_cast<std::uintmax_t>(sum.files), static_cast<std::uintmax_t>(sum.unreadable));
  }
}
