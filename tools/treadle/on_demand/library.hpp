#pragma once

#include <mutex>

namespace tool::on_demand {

/// A shared library that is loaded when the first of its functions is called, and stays. Any thread.
class library {
 public:
  explicit constexpr library(const char* name) noexcept : name_(name) {}

  /// Returns a function. Ends the process, with a line that says why, if there is no such library or function: most C
  /// functions could not return that.
  template <class Function>
  [[nodiscard]] Function* find(const char* function) {
    return reinterpret_cast<Function*>(find_address(function));
  }

 private:
  [[nodiscard]] void* find_address(const char* function);

  const char* name_;
  std::once_flag is_loaded_;
  void* loaded_ = nullptr;
};

}  // namespace tool::on_demand
