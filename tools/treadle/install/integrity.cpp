#include "integrity.hpp"

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

constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Returns nothing for what is no base64.
std::string from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = base64_digits.find(c);
    if (digit == base64_digits.npos) return {};
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits & 255);
    }
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (at + k < bytes.size() ? static_cast<unsigned char>(bytes[at + k]) : 0U);
    }
    const std::size_t used = std::min<std::size_t>(bytes.size() - at, 3) + 1;
    for (std::size_t k = 0; k < 4; ++k) text += k < used ? base64_digits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
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
      throw fault("the integrity '" + std::string(whole) + "' is no digest in base64");
    }
    if (named != strongest) parsed.digests_.clear();
    strongest = named;
    parsed.digests_.push_back(std::move(digest));
  }
  if (strongest == nullptr) {
    throw fault("the integrity '" + std::string(whole) + "' names none of sha1, sha256, sha384 and sha512");
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

std::string hex(std::string_view bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return {};
  const auto value = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string bytes;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    const int high = value(digits[at]);
    const int low = value(digits[at + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

}  // namespace tool::install
