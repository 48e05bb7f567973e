#pragma once

#include "contender.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// What the rows with reads of files have in common.
namespace bench {

inline constexpr std::size_t block_bytes = 4096;
inline constexpr std::uint64_t file_blocks = 65'536;

/// Room that a disk reads into.
using aligned_room = std::unique_ptr<std::byte, void (*)(void*)>;
inline aligned_room make_room(std::size_t bytes = block_bytes) {
  return {static_cast<std::byte*>(std::aligned_alloc(block_bytes, bytes)), &std::free};
}

/// Returns the path of a file of 256 MiB, all of it written, which the contenders share; made by the first of them.
/// Where it shall be `cached`, reads it once.
inline std::string file_to_read(bool cached) {
  const std::string path = (std::filesystem::temp_directory_path() / "treadle_bench_reads").string();
  constexpr std::size_t step = 1 << 20;
  struct stat found {};
  const std::uint64_t bytes = file_blocks * block_bytes;
  if (stat(path.c_str(), &found) != 0 || static_cast<std::uint64_t>(found.st_size) != bytes) {
    const std::string beside = path + std::to_string(getpid());
    const int made = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    std::vector<char> noise(step);
    std::uint64_t state = 1;
    for (std::uint64_t done = 0; done < bytes; done += step) {
      for (char& each : noise) each = static_cast<char>((state = state * 6364136223846793005 + 1) >> 56);
      if (write(made, noise.data(), step) != static_cast<ssize_t>(step)) std::abort();
    }
    if (fsync(made) != 0) std::abort();
    close(made);
    std::filesystem::rename(beside, path);
  }
  if (cached) {
    const int opened = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    std::vector<char> room(step);
    while (read(opened, room.data(), step) > 0) {
    }
    close(opened);
  }
  return path;
}

/// Which blocks one of several readers reads: random, and the same for all contenders.
class block_numbers {
 public:
  explicit block_numbers(std::uint64_t reader) noexcept : state_(reader * 0x9e3779b97f4a7c15 + 1) {}
  std::uint64_t next() noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % file_blocks;
  }

 private:
  std::uint64_t state_;
};

}  // namespace bench
