// Draws the Mandelbrot set into a PPM file: a loop over pixels that take from a nanosecond to some microseconds each,
// whose grain nobody has to choose. Usage: mandelbrot [FILE [WIDTH]]
#include <treadle/treadle.hpp>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

struct pixel {
  std::uint8_t red, green, blue;
};

/// How many steps z -> z² + c takes to leave the circle of radius 2; `most` if it does not.
int steps_to_leave(double re, double im, int most) {
  double x = 0, y = 0;
  for (int step = 0; step < most; ++step) {
    const double xx = x * x, yy = y * y;
    if (xx + yy > 4) return step;
    y = 2 * x * y + im;
    x = xx - yy + re;
  }
  return most;
}

pixel colour_of(int steps, int most) {
  if (steps == most) return {0, 0, 0};
  const double phase = std::sqrt(static_cast<double>(steps) / most) * 6.28;
  const auto shade = [phase](double shift) { return static_cast<std::uint8_t>(127.5 * (1 - std::cos(phase + shift))); };
  return {shade(0.0), shade(0.6), shade(1.2)};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string file =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "treadle_mandelbrot.ppm").string();
  const std::size_t width = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 600, height = width * 2 / 3;
  constexpr int most = 1000;
  if (width < 3) {
    std::fprintf(stderr, "mandelbrot: the width must be a number, at least 3\n");
    return 2;
  }

  std::vector<pixel> picture(width * height);
  const auto began = std::chrono::steady_clock::now();
  treadle::parallel_for(treadle::default_pool(), std::size_t{0}, picture.size(), [&](std::size_t i) {
    const double scale = 3.0 / static_cast<double>(width);
    const double re = static_cast<double>(i % width) * scale - 2.1, im = static_cast<double>(i / width) * scale - 1.0;
    picture[i] = colour_of(steps_to_leave(re, im, most), most);
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;

  const auto inside = treadle::transform_reduce(
      treadle::default_pool(), picture, std::size_t{0}, [](std::size_t a, std::size_t b) { return a + b; },
      [](const pixel& each) { return std::size_t{each.red == 0 && each.green == 0 && each.blue == 0}; });
  std::ofstream out(file, std::ios::binary);
  out << "P6\n" << width << ' ' << height << "\n255\n";
  out.write(reinterpret_cast<const char*>(picture.data()),
            static_cast<std::streamsize>(picture.size() * sizeof(pixel)));
  if (!out.flush()) {
    std::fprintf(stderr, "mandelbrot: cannot write %s\n", file.c_str());
    return 1;
  }
  std::printf("%s: %zu x %zu, %.1f %% inside, %.3f s\n", file.c_str(), width, height,
              100.0 * static_cast<double>(inside) / static_cast<double>(picture.size()), took.count());
}
