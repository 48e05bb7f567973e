#include "check_list.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <vector>

namespace {

using verdict = tool::check_parser::verdict;

const std::string sum = std::string(62, '0') + "fF";

TEST(check_list, reads_the_digest) {
  tool::check_parser parser;
  tool::check_line read;
  ASSERT_EQ(parser.parse(sum + "  name", read), verdict::line);
  EXPECT_EQ(read.name, "name");
  EXPECT_EQ(read.sum[30], 0);
  EXPECT_EQ(read.sum[31], 0xff);
}

TEST(check_list, takes_nothing_that_could_mean_two_things) {
  for (const std::string& line : {std::string("x"),
                                  sum,
                                  sum + " ",
                                  sum + "name",
                                  sum.substr(1) + "  name",
                                  sum + "0  name",
                                  "\\" + sum + "  a\\b",
                                  "\\" + sum + "  a\\",
                                  "g" + sum.substr(1) + "  name",
                                  sum + "  a" + std::string(1, '\0') + "b",
                                  std::string(" "),
                                  "SHA256 (name) = " + sum.substr(1),
                                  "SHA256 (name) = " + sum + "0",
                                  "SHA256 name = " + sum,
                                  "SHA256 () = " + sum,
                                  std::string("SHA256 "),
                                  std::string("SHA256 ("),
                                  std::string("SHA256 ()"),
                                  std::string("SHA256 )("),
                                  std::string("SHA256 (a) =")}) {
    tool::check_parser parser;
    tool::check_line read;
    EXPECT_EQ(parser.parse(line, read), verdict::malformed) << line;
  }
}

TEST(check_list, one_list_has_one_style) {
  tool::check_parser one_space;
  tool::check_line read;
  ASSERT_EQ(one_space.parse(sum + " name", read), verdict::line);
  ASSERT_EQ(one_space.parse(sum + "  name", read), verdict::line);
  EXPECT_EQ(read.name, " name");
  tool::check_parser two;
  ASSERT_EQ(two.parse(sum + " *name", read), verdict::line);
  EXPECT_EQ(read.name, "name");
  EXPECT_EQ(two.parse(sum + " name", read), verdict::malformed);
}

TEST(check_list, lines_across_blocks_are_whole) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const std::string written = "one\n\ntw";
  ASSERT_EQ(::write(ends[1], written.data(), written.size()), static_cast<ssize_t>(written.size()));
  std::vector<std::string> lines;
  ASSERT_EQ(::close(ends[1]), 0);
  EXPECT_EQ(tool::for_each_line(ends[0], [&](std::string_view line) { lines.emplace_back(line); }), 0);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "", "tw"}));
  ::close(ends[0]);
  EXPECT_EQ(tool::for_each_line(ends[0], [](std::string_view) {}), EBADF);
}

}  // namespace
