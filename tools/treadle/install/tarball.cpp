#include "tarball.hpp"

#include "fault.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <string>
#include <utility>

namespace tool::install {

namespace {

constexpr std::size_t least_bytes = 16 * 1024;

/// Makes a file that is gone when it is closed.
handle make_nameless(int folder) {
  handle made(::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (made || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return made;
  static std::atomic<unsigned> number{0};
  const std::string name = "tarball-" + std::to_string(number.fetch_add(1, std::memory_order_relaxed));
  made = handle(::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (made) ::unlinkat(folder, name.c_str(), 0);
  return made;
}

}  // namespace

tarball::tarball(tarball&& other) noexcept
    : budget_(other.budget_),
      scratch_(other.scratch_),
      held_(std::move(other.held_)),
      taken_(std::exchange(other.taken_, 0)),
      file_(std::move(other.file_)),
      file_bytes_(std::exchange(other.file_bytes_, 0)),
      mapped_(std::exchange(other.mapped_, nullptr)) {}

void tarball::expect(std::uint64_t bytes) {
  if (is_in_memory() && bytes > held_.capacity() && !grow(bytes)) move_to_file();
}

void tarball::add(std::span<const std::byte> bytes) {
  const std::size_t end = held_.size() + bytes.size();
  if (is_in_memory() && end > held_.capacity() && !grow(std::max({end, 2 * held_.capacity(), least_bytes}))) {
    move_to_file();
  }
  if (is_in_memory()) {
    held_.insert(held_.end(), bytes.begin(), bytes.end());
  } else {
    write(bytes);
  }
}

/// While the bytes move to their new place both places count.
bool tarball::grow(std::uint64_t capacity) {
  if (!budget_->take(capacity)) return false;
  const std::size_t before = std::exchange(taken_, static_cast<std::size_t>(capacity));
  held_.reserve(static_cast<std::size_t>(capacity));
  budget_->give_back(before);
  return true;
}

void tarball::move_to_file() {
  file_ = make_nameless(scratch_);
  if (!file_) throw_errno("a file for a large tarball");
  write(held_);
  std::vector<std::byte>().swap(held_);
  budget_->give_back(std::exchange(taken_, 0));
}

void tarball::write(std::span<const std::byte> bytes) {
  unmap();
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(file_bytes_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno("a file for a large tarball");
    file_bytes_ += static_cast<std::size_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

std::span<const std::byte> tarball::bytes() {
  if (is_in_memory() || file_bytes_ == 0) return held_;
  if (mapped_ == nullptr) {
    void* const made = ::mmap(nullptr, file_bytes_, PROT_READ, MAP_PRIVATE, file_.number(), 0);
    if (made == MAP_FAILED) throw_errno("a file for a large tarball");
    mapped_ = made;
  }
  return {static_cast<const std::byte*>(mapped_), file_bytes_};
}

void tarball::unmap() noexcept {
  if (mapped_ != nullptr) ::munmap(std::exchange(mapped_, nullptr), file_bytes_);
}

void tarball::clear() noexcept {
  unmap();
  file_bytes_ = 0;
  { const handle closed = std::move(file_); }
  std::vector<std::byte>().swap(held_);
  budget_->give_back(std::exchange(taken_, 0));
}

}  // namespace tool::install
