// Groups points in the plane by k-means, and draws them into a PPM file. The sums are deterministic folds: the centres
// are the same to the bit on any number of workers. Usage: k_means [FILE [POINTS]]
#include <treadle/treadle.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

constexpr std::size_t groups = 5;

struct point {
  double x, y;
};

/// For each group, the sum of its points and how many they are.
struct sums {
  std::array<double, groups> x{}, y{}, count{};

  friend sums operator+(sums a, const sums& b) {
    for (std::size_t i = 0; i < groups; ++i) {
      a.x[i] += b.x[i];
      a.y[i] += b.y[i];
      a.count[i] += b.count[i];
    }
    return a;
  }
};

using centres = std::array<point, groups>;

std::size_t nearest(const centres& all, const point& to) {
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < groups; ++i) {
    const double dx = all[i].x - to.x, dy = all[i].y - to.y;
    if (dx * dx + dy * dy < least) least = dx * dx + dy * dy, best = i;
  }
  return best;
}

/// Five clouds, each the sum of some even distributions.
std::vector<point> made_up_points(std::size_t count) {
  std::uint64_t state = 42;
  const auto random = [&state] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state >> 40) / static_cast<double>(1u << 24) - 0.5;
  };
  constexpr point middles[groups] = {{-0.6, -0.6}, {0.6, -0.5}, {0.0, 0.1}, {-0.6, 0.6}, {0.65, 0.6}};
  std::vector<point> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    made[i] = middles[i % groups];
    for (int more = 0; more < 4; ++more) made[i].x += random() * 0.35, made[i].y += random() * 0.35;
  }
  return made;
}

bool draw(const std::string& file, const std::vector<point>& points, const centres& all) {
  constexpr std::size_t width = 400;
  constexpr std::uint8_t colours[groups][3] = {
      {230, 80, 60}, {70, 130, 230}, {80, 180, 90}, {240, 180, 50}, {160, 90, 200}};
  std::vector<std::array<std::uint8_t, 3>> picture(width * width, {255, 255, 255});
  for (const point& each : points) {
    const double x = (each.x + 1.5) / 3 * width, y = (each.y + 1.5) / 3 * width;
    if (x < 0 || y < 0 || x >= width || y >= width) continue;
    const auto& colour = colours[nearest(all, each)];
    picture[static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x)] = {colour[0], colour[1], colour[2]};
  }
  std::ofstream out(file, std::ios::binary);
  out << "P6\n" << width << ' ' << width << "\n255\n";
  out.write(reinterpret_cast<const char*>(picture.data()), static_cast<std::streamsize>(picture.size() * 3));
  return static_cast<bool>(out.flush());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string file =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "treadle_k_means.ppm").string();
  const std::vector<point> points = made_up_points(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100'000);
  if (points.size() < groups) {
    std::fprintf(stderr, "k_means: too few points\n");
    return 2;
  }

  centres now;
  for (std::size_t i = 0; i < groups; ++i) now[i] = points[i];
  int rounds = 0;
  for (double moved = 1; moved > 1e-9 && rounds < 100; ++rounds) {
    const sums all = treadle::transform_reduce(treadle::deterministic, treadle::default_pool(), points, sums{},
                                               std::plus<>(), [&](const point& each) {
                                                 sums one;
                                                 const std::size_t group = nearest(now, each);
                                                 one.x[group] = each.x, one.y[group] = each.y, one.count[group] = 1;
                                                 return one;
                                               });
    moved = 0;
    for (std::size_t i = 0; i < groups; ++i) {
      if (all.count[i] == 0) continue;
      const point next{all.x[i] / all.count[i], all.y[i] / all.count[i]};
      moved += std::hypot(next.x - now[i].x, next.y - now[i].y);
      now[i] = next;
    }
  }
  if (!draw(file, points, now)) {
    std::fprintf(stderr, "k_means: cannot write %s\n", file.c_str());
    return 1;
  }
  std::printf("%s: %zu points, %d rounds\n", file.c_str(), points.size(), rounds);
  for (const point& each : now) std::printf("  %+.6f %+.6f\n", each.x, each.y);
}
