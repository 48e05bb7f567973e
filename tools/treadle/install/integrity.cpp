#include "integrity.hpp"

#include "../text.hpp"
#include "fault.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>

namespace tool::install {

namespace {

struct strength {
  std::string_view name;
  std::size_t bytes;
};
/// From weak to strong.
constexpr std::array<strength, 4> known{{{"sha1", 20}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}}};

const strength* find_known(std::string_view name) {
  const auto* const found = std::find_if(known.begin(), known.end(), [&](const strength& s) { return s.name == name; });
  return found == known.end() ? nullptr : found;
}

}  // namespace

integrity integrity::parse(std::string_view text) {
  integrity parsed;
  const strength* strongest = nullptr;
  const std::string_view whole = text;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    word = word.substr(0, word.find('?'));
    const std::size_t dash = word.find('-');
    if (dash == word.npos) continue;
    const strength* const named = find_known(word.substr(0, dash));
    if (named == nullptr || (strongest != nullptr && named < strongest)) continue;
    std::string digest = from_base64(word.substr(dash + 1));
    if (digest.size() != named->bytes) {
      throw fault("the integrity '" + readable(whole) + "' is no digest in base64");
    }
    if (named != strongest) parsed.digests_.clear();
    strongest = named;
    parsed.digests_.push_back(std::move(digest));
  }
  if (strongest == nullptr) {
    throw fault("the integrity '" + readable(whole) + "' names none of sha1, sha256, sha384 and sha512");
  }
  parsed.algorithm_ = strongest->name;
  return parsed;
}

integrity integrity::of(std::string algorithm, std::string digest) {
  const strength* const named = find_known(algorithm);
  if (named == nullptr || digest.size() != named->bytes) throw fault("no digest of " + algorithm);
  integrity made;
  made.algorithm_ = std::move(algorithm);
  made.digests_.push_back(std::move(digest));
  return made;
}

bool integrity::holds_for(std::string_view digest) const noexcept {
  return std::find(digests_.begin(), digests_.end(), digest) != digests_.end();
}

std::string integrity::text() const {
  std::string joined;
  for (const std::string& digest : digests_) {
    if (!joined.empty()) joined += ' ';
    joined += algorithm_ + '-' + to_base64(digest);
  }
  return joined;
}

running_digest::running_digest(const std::string& algorithm) : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr) throw std::bad_alloc();
  const EVP_MD* const method = EVP_get_digestbyname(algorithm.c_str());
  if (method == nullptr || EVP_DigestInit_ex(context_.get(), method, nullptr) != 1) {
    throw fault("OpenSSL has no " + algorithm + " here");
  }
}

void running_digest::add(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) throw fault("OpenSSL cannot hash");
}

std::string running_digest::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context_.get(), digest.data(), &size) != 1) throw fault("OpenSSL cannot hash");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace tool::install
