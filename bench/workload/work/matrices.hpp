#pragma once

#include "../forking.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace bench {

/// A square part of a matrix that is stored row by row.
template <class T>
struct square {
  T* first;
  std::size_t stride;

  T* operator[](std::size_t row) const { return first + row * stride; }
  [[nodiscard]] square quarter(std::size_t half, unsigned row, unsigned column) const {
    return {first + (row * stride + column) * half, stride};
  }
};

/// c += a * b for parts of a small size, in an order that the compiler vectorises.
template <class T>
void add_product(square<T> c, square<const T> a, square<const T> b, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      const T factor = a[i][k];
      T* __restrict const row = c[i];
      const T* const other = b[k];
      for (std::size_t j = 0; j < size; ++j) row[j] += factor * other[j];
    }
  }
}

/// Two matrices of small whole numbers, so that sums are exact in every order, and their product.
template <class T>
struct product {
  explicit product(const request& asked)
      : size(asked.number("n", 1024)), a(size * size), b(size * size), c(size * size) {
    std::uint32_t x = 12345;
    for (std::vector<T>* each : {&a, &b}) {
      for (T& value : *each) value = static_cast<T>((x = x * 1664525 + 1013904223) >> 30);
    }
  }

  [[nodiscard]] std::uint64_t units() const { return 1; }
  void prepare() { std::fill(c.begin(), c.end(), T{}); }

  /// c * x == a * (b * x) for a vector x of small numbers (Freivalds, 1977).
  [[nodiscard]] bool right() const {
    const auto times = [this](const std::vector<T>& matrix, const std::vector<double>& vector) {
      std::vector<double> result(size);
      for (std::size_t i = 0; i < size; ++i) {
        for (std::size_t k = 0; k < size; ++k) result[i] += static_cast<double>(matrix[i * size + k]) * vector[k];
      }
      return result;
    };
    std::vector<double> x(size);
    for (std::size_t i = 0; i < size; ++i) x[i] = static_cast<double>(i * 7919 % 11);
    return times(c, x) == times(a, times(b, x));
  }

  [[nodiscard]] square<const T> left() const { return {a.data(), size}; }
  [[nodiscard]] square<const T> other() const { return {b.data(), size}; }
  [[nodiscard]] square<T> result() { return {c.data(), size}; }

  std::size_t size;
  std::vector<T> a, b, c;
};

/// Divide and conquer into quarters, down to 32 by 32: four products of half the size at a time, then four more.
struct matmul : product<float> {
  using product::product;

  template <class Fork>
  static void multiply(Fork here, square<float> c, square<const float> a, square<const float> b, std::size_t n) {
    if (n <= 32) return add_product(c, a, b, n);
    const std::size_t half = n / 2;
    for (unsigned inner : {0u, 1u}) {
      const auto quarter = [&](Fork to, unsigned row, unsigned column) {
        multiply(to, c.quarter(half, row, column), a.quarter(half, row, inner), b.quarter(half, inner, column), half);
      };
      const auto row_of = [&](Fork on, unsigned row) {
        on.fork([&](Fork to) { quarter(to, row, 0); }, [&](Fork to) { quarter(to, row, 1); });
      };
      here.fork([&](Fork to) { row_of(to, 0); }, [&](Fork to) { row_of(to, 1); });
    }
  }

  template <class Fork>
  void run(Fork here) {
    multiply(here, result(), left(), other(), size);
  }
};

/// Strassen's seven products of half the size (Gaussian elimination is not optimal, 1969), down to 64 by 64.
struct strassen : product<double> {
  using product::product;
  using in = square<const double>;

  /// The rows of `a`, with `sign` times those of `b` added.
  static in combine(std::vector<double>& into, in a, in b, double sign, std::size_t n) {
    into.resize(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) into[i * n + j] = a[i][j] + sign * b[i][j];
    }
    return {into.data(), n};
  }

  template <class Fork>
  static void multiply(Fork here, square<double> c, in a, in b, std::size_t n) {
    if (n <= 64) return add_product(c, a, b, n);
    const std::size_t half = n / 2;
    const in a11 = a.quarter(half, 0, 0), a12 = a.quarter(half, 0, 1), a21 = a.quarter(half, 1, 0),
             a22 = a.quarter(half, 1, 1), b11 = b.quarter(half, 0, 0), b12 = b.quarter(half, 0, 1),
             b21 = b.quarter(half, 1, 0), b22 = b.quarter(half, 1, 1);
    std::array<std::vector<double>, 7> m;
    sum_over(here, 0, 7, [&](Fork to, std::uint64_t i) -> std::uint64_t {
      std::vector<double> s, t;
      const auto with = [&](in left, in right) {
        m[i].assign(half * half, 0);
        multiply(to, {m[i].data(), half}, left, right, half);
        return std::uint64_t{0};
      };
      switch (i) {
        case 0:
          return with(combine(s, a11, a22, 1, half), combine(t, b11, b22, 1, half));
        case 1:
          return with(combine(s, a21, a22, 1, half), b11);
        case 2:
          return with(a11, combine(t, b12, b22, -1, half));
        case 3:
          return with(a22, combine(t, b21, b11, -1, half));
        case 4:
          return with(combine(s, a11, a12, 1, half), b22);
        case 5:
          return with(combine(s, a21, a11, -1, half), combine(t, b11, b12, 1, half));
        default:
          return with(combine(s, a12, a22, -1, half), combine(t, b21, b22, 1, half));
      }
    });
    const square<double> c11 = c.quarter(half, 0, 0), c12 = c.quarter(half, 0, 1), c21 = c.quarter(half, 1, 0),
                         c22 = c.quarter(half, 1, 1);
    for (std::size_t i = 0; i < half; ++i) {
      for (std::size_t j = 0, at = i * half; j < half; ++j, ++at) {
        c11[i][j] += m[0][at] + m[3][at] - m[4][at] + m[6][at];
        c12[i][j] += m[2][at] + m[4][at];
        c21[i][j] += m[1][at] + m[3][at];
        c22[i][j] += m[0][at] - m[1][at] + m[2][at] + m[5][at];
      }
    }
  }

  template <class Fork>
  void run(Fork here) {
    multiply(here, result(), left(), other(), size);
  }
};

}  // namespace bench
