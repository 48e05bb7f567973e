#pragma once

#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

namespace treadle {

/// A value, or the `std::error_code` that says why there is none. `co_await` and calls that can fail return one.
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;

  result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : held_(std::in_place_index<0>, std::move(value)) {}
  /// Makes one that failed; `error` is set.
  result(std::error_code error) noexcept : held_(std::in_place_index<1>, error) {}
  template <class Enum>
  requires std::is_error_code_enum_v<Enum> result(Enum error)
  noexcept : held_(std::in_place_index<1>, make_error_code(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  /// Returns why there is no value; clear if there is one.
  [[nodiscard]] std::error_code error() const noexcept {
    return has_value() ? std::error_code{} : *std::get_if<1>(&held_);
  }

  /// Returns the value. Throws the error as `std::system_error` if there is none.
  T& value() & { return checked(); }
  const T& value() const& { return const_cast<result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }

  /// Returns the value, which must be there.
  T& operator*() & noexcept { return *std::get_if<0>(&held_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&held_); }
  T&& operator*() && noexcept { return std::move(*std::get_if<0>(&held_)); }
  T* operator->() noexcept { return std::get_if<0>(&held_); }
  const T* operator->() const noexcept { return std::get_if<0>(&held_); }

 private:
  T& checked() {
    if (!has_value()) throw std::system_error(error());
    return **this;
  }

  std::variant<T, std::error_code> held_;
};

/// Success, or the `std::error_code` that says why not.
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;

  result() noexcept = default;
  result(std::error_code error) noexcept : error_(error) {}
  template <class Enum>
  requires std::is_error_code_enum_v<Enum> result(Enum error)
  noexcept : error_(make_error_code(error)) {}

  [[nodiscard]] bool has_value() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] std::error_code error() const noexcept { return error_; }
  /// Throws the error as `std::system_error` if there is one.
  void value() const {
    if (error_) throw std::system_error(error_);
  }

 private:
  std::error_code error_;
};

namespace detail {

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

}  // namespace detail

}  // namespace treadle
