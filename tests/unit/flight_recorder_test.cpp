// note_pace, flight_word, flight_ring and flight_recorder, on one thread; with several in the models.
#include <treadle/detail/flight_recorder.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

namespace treadle::detail {
namespace {

constexpr std::uint64_t longest_pause = std::uint64_t{1} << 40, shortest_pause = 1;

/// Returns how many are left out until the next is noted.
int left_out(note_pace& pace) {
  int count = 0;
  while (!pace.is_due()) ++count;
  return count;
}

TEST(note_pace, takes_each_where_they_come_slowly) {
  note_pace pace(16);
  std::uint64_t now = longest_pause;
  for (int i = 0; i < 100; ++i, now += longest_pause) {
    EXPECT_EQ(left_out(pace), 0);
    pace.looked(now);
  }
}

TEST(note_pace, leaves_out_more_and_more_where_they_come_thick) {
  note_pace pace(16);
  std::uint64_t now = longest_pause;
  EXPECT_EQ(left_out(pace), 0);
  pace.looked(now);
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(left_out(pace), 0);
    pace.looked(now += shortest_pause);
  }
  for (const int expected : {0, 1, 3, 7, 15, 15, 15}) {
    EXPECT_EQ(left_out(pace), expected);
    pace.looked(now += shortest_pause);
  }
  EXPECT_EQ(left_out(pace), 15);
  pace.looked(now += longest_pause);
  EXPECT_EQ(left_out(pace), 0);
}

TEST(flight_word, keeps_its_parts) {
  const auto* const address = reinterpret_cast<const void*>(std::uintptr_t{0x7fff'1234'5678});
  const flight_word word(flight_kind::steal, address, 1'000);
  EXPECT_EQ(word.kind(), flight_kind::steal);
  EXPECT_EQ(word.address(), 0x7fff'1234'5678U);
  EXPECT_EQ(word.small(), 255U);
  EXPECT_EQ(flight_word(word.word()).word(), word.word());
}

TEST(flight_ring, gives_the_last_of_what_was_written) {
  std::array<flight_recorder::ring::entry, 8> entries;
  flight_recorder::ring ring;
  ring.read([](std::uint64_t, std::uint64_t, std::uint64_t) { FAIL() << "nothing was written"; });
  ring.adopt(entries.data(), entries.size());
  for (std::uint64_t number = 0; number < 30; ++number) {
    ring.write(number, 2 * number);
    std::vector<std::uint64_t> read;
    ring.read([&](std::uint64_t of, std::uint64_t what, std::uint64_t detail) {
      EXPECT_EQ(what, of);
      EXPECT_EQ(detail, 2 * of);
      read.push_back(of);
    });
    ASSERT_EQ(read.size(), number + 1 < 8 ? number + 1 : 7);
    EXPECT_EQ(read.back(), number);
  }
}

TEST(flight_ring, leaves_out_what_is_overwritten_while_it_is_read) {
  std::array<flight_recorder::ring::entry, 4> entries;
  flight_recorder::ring ring;
  ring.adopt(entries.data(), entries.size());
  for (std::uint64_t number = 0; number < 4; ++number) ring.write(number, number);
  std::vector<std::uint64_t> read;
  ring.read([&](std::uint64_t of, std::uint64_t, std::uint64_t) {
    read.push_back(of);
    for (std::uint64_t number = 4; of == 1 && number < 6; ++number) ring.write(number, number);
  });
  EXPECT_EQ(read, (std::vector<std::uint64_t>{1, 3}));
}

TEST(flight_recorder, stamps_what_is_rare_and_some_of_what_is_not) {
  if (!keeps_records) return;
  std::array<flight_recorder::ring::entry, 1'024> entries;
  flight_recorder recorder;
  recorder.note_now({flight_kind::park, nullptr}, 0);  // without entries nothing happens
  recorder.adopt(entries.data(), entries.size());
  for (int i = 0; i < 400; ++i) recorder.note({flight_kind::run, nullptr}, 0);
  recorder.note_now({flight_kind::park, nullptr}, 0);
  int stamps = 0, runs = 0;
  std::uint64_t before = 0;
  flight_kind last = flight_kind::count, last_but_one = flight_kind::count;
  recorder.entries().read([&](std::uint64_t, std::uint64_t what, std::uint64_t detail) {
    last_but_one = last;
    last = flight_word(what).kind();
    runs += last == flight_kind::run ? 1 : 0;
    if (last != flight_kind::stamp) return;
    ++stamps;
    EXPECT_GE(detail, before);
    before = detail;
  });
  EXPECT_EQ(runs, 400);
  EXPECT_GE(stamps, 400 / 32);
  EXPECT_EQ(last, flight_kind::park);
  EXPECT_EQ(last_but_one, flight_kind::stamp);
}

}  // namespace
}  // namespace treadle::detail
