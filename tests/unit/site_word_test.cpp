#include <treadle/detail/site_word.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

namespace treadle::detail {
namespace {

TEST(site_word_test, keeps_file_and_line) {
  const source_site site{"some/file.cpp", 42};
  const site_word word = site_word::of(site);
  EXPECT_TRUE(word.is_known());
  EXPECT_FALSE(word.is_function());
  EXPECT_EQ(word.file(), site.file);
  EXPECT_EQ(word.line(), 42u);
  EXPECT_EQ(site_word(word.word()).line(), 42u);
}

TEST(site_word_test, leaves_out_a_line_that_does_not_fit) {
  EXPECT_EQ(site_word::of({"file", 65'534}).line(), 65'534u);
  for (const std::uint32_t line : {65'535u, 65'536u, 1'000'000u, 0u}) {
    const site_word word = site_word::of({"file", line});
    EXPECT_EQ(word.line(), 0u) << line;
    EXPECT_EQ(std::string(word.file()), "file");
    EXPECT_FALSE(word.is_function());
  }
}

TEST(site_word_test, tells_a_function_and_a_label_from_a_place) {
  const site_word function = site_word::of_function(&std::abort);
  EXPECT_TRUE(function.is_function());
  const site_word label = site_word::of_label("<label>");
  EXPECT_FALSE(label.is_function());
  EXPECT_EQ(std::string(label.file()), "<label>");
  EXPECT_EQ(label.line(), 0u);
  EXPECT_FALSE(site_word().is_known());
}

}  // namespace
}  // namespace treadle::detail
