#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tool::install {

/// What a lock file says that a tarball's bytes hash to: Subresource Integrity (https://www.w3.org/TR/SRI/), with sha1 as
/// npm still has it. The strongest algorithm that is named counts, and of that any of its digests.
class integrity {
 public:
  /// Reads `sha512-<base64> ...`. Throws fault if there is none of sha1, sha256, sha384 and sha512.
  [[nodiscard]] static integrity parse(std::string_view text);
  /// Returns one that holds for a single digest.
  [[nodiscard]] static integrity of(std::string algorithm, std::string digest);

  [[nodiscard]] const std::string& algorithm() const noexcept { return algorithm_; }
  /// Returns the digests that will do, each as its bytes.
  [[nodiscard]] const std::vector<std::string>& digests() const noexcept { return digests_; }
  [[nodiscard]] bool holds_for(std::string_view digest) const noexcept;
  /// Returns it as a lock file has it.
  [[nodiscard]] std::string text() const;

 private:
  std::string algorithm_;
  std::vector<std::string> digests_;
};

/// Hashes bytes as they come.
class running_digest {
 public:
  /// `algorithm`: one that `integrity` knows.
  explicit running_digest(const std::string& algorithm);
  void add(std::span<const std::byte> bytes);
  /// Returns the digest's bytes. Once.
  [[nodiscard]] std::string finish();

 private:
  struct free_context {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, free_context> context_;
};

}  // namespace tool::install
