#include "digest.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace tool {

namespace {

constexpr std::uint64_t read_ahead_from = 1024 * 1024;
constexpr std::uint64_t report_every = 1024 * 1024;

/// Looked up once: by name for every file it costs as much as hashing half a kilobyte.
const EVP_MD* sha256() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (found == nullptr) throw std::runtime_error("OpenSSL offers no SHA-256 here");
  return found;
}

ssize_t read_some(int fd, std::byte* to, std::size_t bytes) noexcept {
  for (;;) {
    const ssize_t got = ::read(fd, to, bytes);
    if (got >= 0 || errno != EINTR) return got;
  }
}

bool is_regular(int fd) noexcept {
  struct stat found;
  return ::fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

}  // namespace

hasher::hasher() : buffer_(new std::byte[buffer_bytes]), context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex2(context_.get(), sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL cannot make a SHA-256 context");
  }
}

hasher& hasher::of_this_thread() {
  thread_local hasher mine;
  return mine;
}

int hasher::hash(const request& asked, digest& made, std::atomic<std::uint64_t>& bytes_done) noexcept {
  if (asked.expected_bytes >= read_ahead_from) ::posix_fadvise(asked.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  if (EVP_DigestInit_ex2(context_.get(), sha256(), nullptr) != 1) return ENOMEM;
  std::uint64_t total = 0;
  for (;;) {
    const ssize_t got = read_some(asked.fd, buffer_.get(), buffer_bytes);
    if (got < 0) return errno;
    if (got == 0) break;
    const auto bytes = static_cast<std::size_t>(got);
    if (EVP_DigestUpdate(context_.get(), buffer_.get(), bytes) != 1) return ENOMEM;
    total += bytes;
    unreported_bytes_ += bytes;
    if (unreported_bytes_ >= report_every) report_bytes(bytes_done);
    // A short read that ends just where the listing saw the end is the end: asking again would cost a system call.
    if (bytes < buffer_bytes && total == asked.expected_bytes) break;
  }
  // Only an empty one can be a pipe that took the file's place: this saves the others a system call.
  if (total == 0 && asked.must_be_regular && !is_regular(asked.fd)) return not_regular;
  return EVP_DigestFinal_ex(context_.get(), made.data(), nullptr) == 1 ? 0 : ENOMEM;
}

void hasher::report_bytes(std::atomic<std::uint64_t>& bytes_done) noexcept {
  if (unreported_bytes_ != 0) bytes_done += std::exchange(unreported_bytes_, 0);
}

}  // namespace tool
