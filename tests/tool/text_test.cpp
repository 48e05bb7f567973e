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

TEST(text, what_a_terminal_could_obey_is_escaped) {
  EXPECT_EQ(tool::readable("\xc2\x9b"
                           "2J\xc2\x85"),
            "\\302\\2332J\\302\\205");
  EXPECT_EQ(tool::readable("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f"), "\\342\\200\\256\\342\\201\\246\\342\\200\\217");
  for (const char* const harmless : {"\xc2\xa0", "\xe2\x82\xac", "\xe2\x80\xa6", "\xe2\x81\xba", "\xe2", "\xc2", ""}) {
    EXPECT_EQ(tool::readable(harmless), harmless);
  }
  EXPECT_EQ(tool::printable("'a\\nb': \x1b[2J\r\n"), "'a\\nb': \\033[2J\\015\\n");
}

TEST(text, hexadecimal_digits_and_base64) {
  const std::string all("\x00\x01\xfe\xff", 4);
  EXPECT_EQ(tool::hex(all), "0001feff");
  EXPECT_EQ(tool::from_hex("0001FEff"), all);
  for (const char* const bad : {"0", "0g", "g0", " 0"}) EXPECT_EQ(tool::from_hex(bad), "");
  for (std::size_t length = 0; length <= all.size(); ++length) {
    EXPECT_EQ(tool::from_base64(tool::to_base64(all.substr(0, length))), all.substr(0, length));
  }
  EXPECT_EQ(tool::to_base64(all), "AAH+/w==");
  EXPECT_EQ(tool::from_base64("AA*A"), "");
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
