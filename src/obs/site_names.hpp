#pragma once

#include <treadle/detail/site_word.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>

namespace treadle::obs {

/// A place in the source as text.
struct site_name {
  std::string brief;  ///< the file without its folders, and the line; "task" if only a function is known
  std::string full;
};

/// Texts of sites. A recorder may remember what has been unloaded since: an address that is in nothing that is loaded
/// is not looked at.
class site_names {
 public:
  [[nodiscard]] const site_name& of(std::uint64_t word);

 private:
  std::unordered_map<std::uint64_t, site_name> known_;
};

}  // namespace treadle::obs
