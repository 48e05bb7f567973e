#pragma once

#include <treadle/source_site.hpp>

#include <cstddef>
#include <cstdint>

namespace treadle::detail {

/// A place in the source, or a function, in one word: what one thread stores with one instruction another reads whole,
/// whenever it looks. The address below: that of static data or code, which lies in the lowest 48 bits on the systems
/// that treadle runs on. Above it the line, or nothing with a function.
class site_word {
 public:
  constexpr site_word() noexcept = default;
  constexpr explicit site_word(std::uint64_t word) noexcept : word_(word) {}

  [[nodiscard]] static site_word of(source_site site) noexcept {
    const std::uint64_t line = site.line - 1 < most_lines ? site.line : no_line;
    return site_word(reinterpret_cast<std::uintptr_t>(site.file) | line << address_bits);
  }
  /// Of what has no line, but a name.
  [[nodiscard]] static site_word of_label(const char* name) noexcept {
    return site_word(reinterpret_cast<std::uintptr_t>(name) | no_line << address_bits);
  }
  /// Of a task that has nothing but its callback.
  template <class Function>
  [[nodiscard]] static site_word of_function(Function* function) noexcept {
    return site_word(reinterpret_cast<std::uintptr_t>(function));
  }

  [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }
  [[nodiscard]] constexpr bool is_known() const noexcept { return word_ != 0; }
  [[nodiscard]] constexpr bool is_function() const noexcept { return (word_ >> address_bits) == 0; }
  [[nodiscard]] constexpr std::uint64_t address() const noexcept { return word_ & address_mask; }
  /// Only of a place in the source: a string that the program has for good, and the line; 0 where there is none.
  [[nodiscard]] const char* file() const noexcept {
    return reinterpret_cast<const char*>(static_cast<std::uintptr_t>(address()));
  }
  [[nodiscard]] constexpr std::uint32_t line() const noexcept {
    const std::uint64_t above = word_ >> address_bits;
    return static_cast<std::uint32_t>(above != no_line ? above : 0);
  }

 private:
  static constexpr unsigned address_bits = 48;
  static constexpr std::uint64_t address_mask = (std::uint64_t{1} << address_bits) - 1;
  static constexpr std::uint64_t no_line = 0xffff;
  static constexpr std::uint32_t most_lines = 0xfffe;

  std::uint64_t word_ = 0;
};

}  // namespace treadle::detail
