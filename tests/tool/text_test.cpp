#include "text.hpp"

#include <gtest/gtest.h>

namespace {

TEST(text, escapes_as_sha256sum_does) {
  const tool::digest zero{};
  std::string line;
  tool::append_sum_line(line, zero, "a\\b/", "c\nd\r");
  EXPECT_EQ(line, "\\" + std::string(64, '0') + "  a\\\\b/c\\nd\\r\n");
  line.clear();
  tool::append_sum_line(line, zero, "dir/", "tab\t");
  EXPECT_EQ(line, std::string(64, '0') + "  dir/tab\t\n");
}

TEST(text, json_path_keeps_the_bytes_of_what_is_no_utf8) {
  const auto json = [](std::string_view path) {
    std::string text;
    tool::append_json_path(text, path);
    return text;
  };
  EXPECT_EQ(json("a\"b"), R"("path":"a\"b")");
  EXPECT_EQ(json("\xff"), "\"path\":\"\xef\xbf\xbd\",\"path_base64\":\"/w==\"");
  EXPECT_EQ(json("\xff\xfe"), "\"path\":\"\xef\xbf\xbd\xef\xbf\xbd\",\"path_base64\":\"//4=\"");
  EXPECT_EQ(json("ab\xff"), "\"path\":\"ab\xef\xbf\xbd\",\"path_base64\":\"YWL/\"");
}

TEST(text, readable_names_have_one_line) {
  EXPECT_EQ(tool::readable("a\nb\x1b\\\x7f"), "a\\nb\\033\\\\\\177");
  EXPECT_EQ(tool::readable("\xc3\xa4 b"), "\xc3\xa4 b");
}

TEST(text, numbers) {
  EXPECT_EQ(tool::with_commas(0), "0");
  EXPECT_EQ(tool::with_commas(999), "999");
  EXPECT_EQ(tool::with_commas(1000), "1,000");
  EXPECT_EQ(tool::with_commas(1234567), "1,234,567");
  EXPECT_EQ(tool::human_bytes(999), "999 B");
  EXPECT_EQ(tool::human_bytes(1000), "1.00 kB");
  EXPECT_EQ(tool::human_bytes(999.6e3), "1.00 MB");
  EXPECT_EQ(tool::human_bytes(4.294967296e9), "4.29 GB");
  EXPECT_EQ(tool::human_bytes(45.6e6), "45.6 MB");
}

}  // namespace
