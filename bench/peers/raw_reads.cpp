// The least that random reads cost: a loop over one ring of io_uring, as fio has it, and one over preadv2 where all is
// in memory.
#include "../workload/reading.hpp"

#include <liburing.h>
#include <sys/uio.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace {

struct reader {
  explicit reader(std::uint64_t number) : blocks(number), room(bench::make_room()) {}
  bench::block_numbers blocks;
  bench::aligned_room room;
  std::uint64_t left = 0;
};

void ask(io_uring& ring, int file, reader& by) {
  io_uring_sqe* const entry = io_uring_get_sqe(&ring);
  io_uring_prep_read(entry, file, by.room.get(), bench::block_bytes, by.blocks.next() * bench::block_bytes);
  io_uring_sqe_set_data(entry, &by);
  --by.left;
}

void read_all(io_uring& ring, int file, std::vector<reader>& readers, std::uint64_t each) {
  std::uint64_t under_way = 0;
  for (reader& by : readers) {
    by.left = each;
    ask(ring, file, by);
    ++under_way;
  }
  while (under_way != 0) {
    if (io_uring_submit_and_wait(&ring, 1) < 0) std::abort();
    unsigned head = 0, seen = 0;
    io_uring_cqe* answer = nullptr;
    io_uring_for_each_cqe(&ring, head, answer) {
      ++seen;
      if (answer->res != static_cast<int>(bench::block_bytes)) std::abort();
      auto& by = *static_cast<reader*>(io_uring_cqe_get_data(answer));
      by.left != 0 ? ask(ring, file, by) : static_cast<void>(--under_way);
    }
    io_uring_cq_advance(&ring, seen);
  }
}

void read_from_memory(int file, std::uint64_t n) {
  reader by(1);
  const iovec room{by.room.get(), bench::block_bytes};
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto at = static_cast<off_t>(by.blocks.next() * bench::block_bytes);
    if (preadv2(file, &room, 1, at, RWF_NOWAIT) != static_cast<ssize_t>(bench::block_bytes)) std::abort();
  }
}

void random_reads(const bench::request& asked, bench::answer& given) {
  const bool cached = asked.text("form", "direct") == "cached";
  const std::uint64_t depth = asked.number("depth", 1);
  const std::uint64_t n = asked.number("n", 10'000) / depth * depth;
  const int file = open(bench::file_to_read(cached).c_str(), O_RDONLY | O_CLOEXEC | (cached ? 0 : O_DIRECT));
  if (file < 0) std::abort();
  if (cached) {
    bench::measure(asked, given, n, [&] { read_from_memory(file, n); });
    return;
  }
  io_uring ring;
  if (io_uring_queue_init(256, &ring, 0) != 0) std::_Exit(bench::not_offered);
  std::vector<reader> readers;
  for (std::uint64_t i = 0; i < depth; ++i) readers.emplace_back(i);
  bench::measure(asked, given, n, [&] { read_all(ring, file, readers, n / depth); });
}

constexpr bench::entry rows[] = {{"random_reads", random_reads}};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, rows); }
