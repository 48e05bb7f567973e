#pragma once

#include <openssl/evp.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tool {

inline constexpr std::size_t digest_bytes = 32;
using digest = std::array<unsigned char, digest_bytes>;

/// Reads files and makes their SHA-256. One a thread: it keeps the thread's only read buffer and digest context.
class hasher {
 public:
  static constexpr std::size_t buffer_bytes = 256 * 1024;

  /// Returns this thread's own, made on first use.
  static hasher& of_this_thread();

  hasher();

  /// How a file is read.
  struct request {
    int fd = -1;
    std::uint64_t expected_bytes = 0;  ///< the size, as far as it is known; 0: unknown
    bool must_be_regular = false;
  };

  /// Reads all of `asked.fd` and stores its digest. Returns 0, or an errno, or `not_regular` for what turned into
  /// something else since it was listed. Adds to `bytes_done` while it goes, for the progress bar's sake.
  int hash(const request& asked, digest& made, std::atomic<std::uint64_t>& bytes_done) noexcept;

  /// Adds what `hash` has read but not yet added.
  void report_bytes(std::atomic<std::uint64_t>& bytes_done) noexcept;

  /// The buffer, for who needs one between two files.
  [[nodiscard]] std::byte* buffer() noexcept { return buffer_.get(); }

  static constexpr int not_regular = -1;

 private:
  struct free_context {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };

  std::unique_ptr<std::byte[]> buffer_;
  std::unique_ptr<EVP_MD_CTX, free_context> context_;
  std::uint64_t unreported_bytes_ = 0;
};

}  // namespace tool
