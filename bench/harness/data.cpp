#include "data.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

namespace bench {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mib = 1024 * 1024;

/// Bytes that no file system can make holes of or compress.
class noise {
 public:
  std::uint64_t next() noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }

  void write(const fs::path& path, std::uint64_t bytes) {
    std::ofstream file(path, std::ios::binary);
    file.exceptions(std::ios::failbit | std::ios::badbit);
    while (bytes > 0) {
      const std::uint64_t part = std::min<std::uint64_t>(bytes, buffer_.size() * sizeof buffer_[0]);
      for (std::uint64_t i = 0; i < (part + 7) / 8; ++i) buffer_[i] = next();
      file.write(reinterpret_cast<const char*>(buffer_.data()), static_cast<std::streamsize>(part));
      bytes -= part;
    }
  }

 private:
  std::uint64_t state_ = 0x2545f4914f6cdd1du;
  std::vector<std::uint64_t> buffer_ = std::vector<std::uint64_t>(mib / 8);
};

std::uint64_t available_memory() {
  std::ifstream info("/proc/meminfo");
  std::string key;
  std::uint64_t kib = 0;
  for (std::string rest; info >> key >> kib && std::getline(info, rest);) {
    if (key == "MemAvailable:") return kib * 1024;
  }
  return 0;
}

struct sizes {
  unsigned small_files;
  unsigned medium_files;
  std::uint64_t big_mib;
};

std::string describe(const sizes& wanted) {
  return std::to_string(wanted.small_files) + " small files of 1 to 8 KiB, " + std::to_string(wanted.medium_files) +
         " of 1 MiB, one of " + std::to_string(wanted.big_mib) + " MiB";
}

void write_trees(const fs::path& directory, const sizes& wanted) {
  noise bytes;
  for (unsigned i = 0; i < wanted.small_files; ++i) {
    const fs::path folder = directory / "small" / std::to_string(i / 500);
    if (i % 500 == 0) fs::create_directories(folder);
    bytes.write(folder / ("file" + std::to_string(i)), 1024 + bytes.next() % 7168);
  }
  for (unsigned i = 0; i < wanted.medium_files; ++i) {
    const fs::path folder = directory / "medium" / std::to_string(i / 256);
    if (i % 256 == 0) fs::create_directories(folder);
    bytes.write(folder / ("file" + std::to_string(i)), mib);
  }
  bytes.write(directory / "big", wanted.big_mib * mib);
}

}  // namespace

std::string make_trees(const std::string& directory, bool quick) try {
  sizes wanted{100'000, 4096, 4096};
  fs::create_directories(directory);
  const fs::path stamp = fs::path(directory) / "made_of.txt";
  const std::uint64_t room = std::min(fs::space(directory).available, available_memory());
  const auto fits = [&] { return (wanted.medium_files + wanted.big_mib + 800) * mib < room * 6 / 10; };
  if (quick) wanted = {10'000, 256, 256};
  const auto is_there = [&] {
    std::ifstream made(stamp);
    std::string line;
    return std::getline(made, line) && line == describe(wanted);
  };
  if (is_there()) return describe(wanted);
  while (!fits() && wanted.big_mib > 64) {
    wanted.medium_files /= 2;
    wanted.big_mib /= 2;
  }
  if (!is_there()) {
    for (const char* each : {"small", "medium", "big"}) fs::remove_all(fs::path(directory) / each);
    fs::remove(stamp);
    write_trees(directory, wanted);
    std::ofstream(stamp) << describe(wanted) << '\n';
  }
  return describe(wanted);
} catch (const std::exception& error) {
  std::fprintf(stderr, "hash rows skipped: %s\n", error.what());
  return {};
}

}  // namespace bench
