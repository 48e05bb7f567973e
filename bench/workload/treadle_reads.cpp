#include "reading.hpp"
#include "treadle_io.hpp"

#include <treadle/coro.hpp>
#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

namespace {

using treadle::coro::task;
using treadle::io::file;
using treadle::io::open_mode;

task<> reads(file& from, std::uint64_t reader, std::uint64_t times) {
  const bench::aligned_room room = bench::make_room();
  bench::block_numbers blocks(reader);
  for (std::uint64_t i = 0; i < times; ++i) {
    const auto got = co_await from.read_at(blocks.next() * bench::block_bytes, {room.get(), bench::block_bytes});
    if (!got || *got != bench::block_bytes) std::abort();
  }
}

task<> reads_side_by_side(treadle::thread_pool& pool, file& from, std::uint64_t depth, std::uint64_t n) {
  treadle::coro::async_scope all(pool);
  for (std::uint64_t i = 0; i < depth; ++i) all.spawn(reads(from, i, n / depth));
  co_await all.join();
}

void random_reads(const bench::request& asked, bench::answer& given) {
  const bool cached = asked.text("form", "direct") == "cached";
  const std::uint64_t depth = asked.number("depth", 1);
  const std::uint64_t n = asked.number("n", 10'000) / depth * depth;
  treadle::thread_pool pool({.max_threads = asked.workers()});
  file opened =
      treadle::coro::sync_wait(
          pool, file::open(bench::file_to_read(cached), cached ? open_mode::read : open_mode::read | open_mode::direct))
          .value();
  bench::measure(asked, given, n, [&] { treadle::coro::sync_wait(pool, reads_side_by_side(pool, opened, depth, n)); });
}

constexpr bench::entry rows[] = {{"random_reads", random_reads}};

}  // namespace

std::span<const bench::entry> bench::treadle_read_rows() { return rows; }
