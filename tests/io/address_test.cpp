#include <treadle/io/address.hpp>

#include <gtest/gtest.h>

#include <string>
#include <system_error>

namespace treadle::test {
namespace {

using io::address;

TEST(address, is_read_and_written) {
  for (const char* const text : {"127.0.0.1:80", "[::1]:65535", "0.0.0.0:0", "[fe80::1:2]:1"}) {
    const auto read = address::parse(text);
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_EQ(read->text(), text);
  }
  EXPECT_EQ(address::ip("::1", 7)->text(), "[::1]:7");
  EXPECT_EQ(address::ip("10.1.2.3", 7)->port(), 7);
  EXPECT_EQ(address::ip("10.1.2.3", 7)->kind(), address::family::ipv4);
  EXPECT_EQ(address::ip("::", 7)->kind(), address::family::ipv6);
  EXPECT_EQ(address::loopback(9).text(), "127.0.0.1:9");
  EXPECT_EQ(address().text(), "");
}

TEST(address, refuses_what_is_none) {
  for (const char* const text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:8x",
                                 "::1:80", "[::1]80", "[::1:80", "host:80", "256.0.0.1:1", "1.2.3:4"}) {
    EXPECT_EQ(address::parse(text).error(), std::errc::invalid_argument) << text;
  }
  EXPECT_FALSE(address::parse(("[" + std::string(200, '1') + "]:1").c_str()).has_value());
  EXPECT_FALSE(address::ip("", 1).has_value());
}

TEST(address, of_unix_sockets) {
  EXPECT_EQ(address::local("/tmp/socket")->text(), "/tmp/socket");
  EXPECT_EQ(address::local("@name")->text(), "@name");
  EXPECT_EQ(address::local("/tmp/socket")->kind(), address::family::local);
  EXPECT_TRUE(address::local(std::string(107, 'x').c_str()).has_value());
  EXPECT_EQ(address::local(std::string(108, 'x').c_str()).error(), std::errc::invalid_argument);
  EXPECT_EQ(address::local("").error(), std::errc::invalid_argument);
}

}  // namespace
}  // namespace treadle::test
