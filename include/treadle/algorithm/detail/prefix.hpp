#pragma once

#include <treadle/algorithm/detail/for_work.hpp>
#include <treadle/algorithm/detail/loop_guard.hpp>
#include <treadle/algorithm/detail/pace.hpp>
#include <treadle/algorithm/detail/split.hpp>
#include <treadle/fork_join.hpp>
#include <treadle/worker.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

namespace treadle::detail {

/// Runs what needs to know, at each index, what all before it came to: a scan, a packing. One worker needs one pass
/// for that, several need two. So one worker goes on alone, while what comes next waits to be taken; only when
/// somebody takes it that part is looked at first, and finished after. From then on all go together, one stretch
/// after the other, each short enough to be still in the caches when it is finished, for as long as there is help.
/// docs/design/loops.md.
///
/// Work gives   void pass(first, last)             all of [first, last) in one pass, and what it comes to is carried
/// on   void look(block, first, last)      finds out what a block comes to   void settle(blocks)                tells
/// each block what all before it came to, and carries on   void finish(block, first, last)    does the rest of a
/// block   void begin(first, last)            the stretch that is looked at next
template <class Work>
class prefix {
 public:
  static constexpr std::size_t most_blocks = 64;

  prefix(Work& work, std::size_t stretch, const loop_terms& terms) noexcept
      : work_(work), terms_(terms), longest_(stretch), tempo_(terms.grain, false, 32) {}

  void run(worker& self, std::size_t count) {
    loop_guard guard(terms_);
    for (std::size_t at = 0; at != count;) {
      static_cast<void>(guard.must_stop());
      at = has_help_ ? together(self, at, end_of_stretch(at, count)) : alone(self, at, count);
    }
  }

 private:
  std::size_t end_of_stretch(std::size_t at, std::size_t count) const noexcept {
    return count - at > longest_ ? at + longest_ : count;
  }

  std::size_t alone(worker& self, std::size_t first, std::size_t count) {
    const std::size_t middle = count - first > tempo_.step() ? first + tempo_.step() : count;
    const auto pass = [&] {
      const std::uint64_t began = ticks_now();
      work_.pass(first, middle);
      tempo_.took(middle - first, ticks_now() - began);
    };
    if (middle == count) {
      pass();
      return count;
    }
    const std::size_t last = end_of_stretch(middle, count);
    bool was_taken = false;
    static_cast<void>(fork_two(self, pass, [&, middle](worker& here) {
      if (&here == &self) return;
      was_taken = true;
      look(here, middle, last);
    }));
    if (!was_taken) return middle;
    finish(self, middle, last);
    has_help_ = true;
    return last;
  }

  std::size_t together(worker& self, std::size_t first, std::size_t last) {
    has_help_ = look(self, first, last);
    finish(self, first, last);
    return last;
  }

  /// Calls `step(block, first, last)` for all blocks. Returns whether others took some of them.
  template <class Step>
  bool for_blocks(worker& self, std::size_t first, std::size_t last, Step&& step) {
    const std::size_t length = (last - first + most_blocks - 1) / most_blocks;
    std::atomic<bool> was_helped{false};
    const auto chunk = [&](worker& here, std::size_t from, std::size_t to) {
      // Relaxed: read after the join.
      if (&here != &self) was_helped.store(true, std::memory_order_relaxed);
      for (std::size_t block = from; block != to; ++block) {
        step(block, first + block * length, std::min(last, first + (block + 1) * length));
      }
    };
    for_work work(chunk);
    loop_terms terms = terms_;
    terms.grain = 0;
    split(work, terms).run(self, 0, (last - first + length - 1) / length);
    return was_helped.load(std::memory_order_relaxed);
  }

  bool look(worker& self, std::size_t first, std::size_t last) {
    work_.begin(first, last);
    return for_blocks(self, first, last, [this](auto... block) { work_.look(block...); });
  }
  void finish(worker& self, std::size_t first, std::size_t last) {
    const std::size_t length = (last - first + most_blocks - 1) / most_blocks;
    work_.settle((last - first + length - 1) / length);
    for_blocks(self, first, last, [this](auto... block) { work_.finish(block...); });
  }

  Work& work_;
  const loop_terms terms_;
  const std::size_t longest_;
  pace tempo_;
  bool has_help_ = false;
};

/// Runs `work` over `count` indices where the caller has said, in stretches of no more than so many.
template <place Where, class Work>
void run_prefix(Where&& where, std::size_t count, std::size_t stretch, Work& work) {
  enter(where, [&](worker& self, const loop_terms& terms) { prefix<Work>(work, stretch, terms).run(self, count); });
}

}  // namespace treadle::detail
