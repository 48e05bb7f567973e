// obs::prometheus: each metric is declared once, each worker has its counters, and a scraper could read it.
#include "tasks.hpp"

#include <treadle/obs/prometheus.hpp>
#include <treadle/treadle.hpp>

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <set>
#include <sstream>
#include <string>

namespace treadle {
namespace {

std::string exposition_of(const thread_pool& pool) {
  std::ostringstream into;
  obs::prometheus(pool, into);
  return into.str();
}

TEST(prometheus, a_scraper_can_read_it) {
  thread_pool pool(pool_config{.max_threads = 3});
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(pool.post([] {}));
  ASSERT_FALSE(pool.drain());
  std::set<std::string> declared, helped;
  std::map<std::string, std::string> type;
  std::size_t samples = 0;
  std::istringstream lines(exposition_of(pool));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second, name;
    words >> first;
    if (first == "#") {
      words >> second >> name;
      EXPECT_TRUE((second == "HELP" ? helped : declared).insert(name).second) << line;
      if (second == "TYPE") words >> type[name];
      continue;
    }
    ++samples;
    const std::size_t brace = first.find('{');
    ASSERT_NE(brace, std::string::npos) << line;
    name = first.substr(0, brace);
    EXPECT_EQ(name.find("treadle_"), 0U) << line;
    EXPECT_EQ(declared.count(name) + helped.count(name), 2U) << line;
    EXPECT_EQ(type[name] == "counter", name.size() > 6 && name.substr(name.size() - 6) == "_total") << line;
    words >> second;
    for (const char digit : second) EXPECT_TRUE(std::isdigit(static_cast<unsigned char>(digit)) != 0) << line;
  }
  const pool_stats now = pool.stats();
  EXPECT_EQ(samples, 15 * now.workers + 9);
}

TEST(prometheus, has_the_counts_of_each_worker) {
  thread_pool pool(pool_config{.max_threads = 1, .name = "we\"ver"});
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(pool.post([] {}));
  ASSERT_FALSE(pool.drain());
  const std::string text = exposition_of(pool);
  EXPECT_NE(text.find("\ntreadle_tasks_run_total{pool=\"we\\\"ver\",worker=\"0\"} 100\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\ntreadle_threads_started_total{pool=\"we\\\"ver\"} 1\n"), std::string::npos) << text;
}

TEST(prometheus, a_pool_that_was_not_started_has_the_metrics_of_the_pool) {
  thread_pool pool;
  EXPECT_NE(exposition_of(pool).find("treadle_threads{pool=\"treadle\"} 0\n"), std::string::npos);
}

}  // namespace
}  // namespace treadle
