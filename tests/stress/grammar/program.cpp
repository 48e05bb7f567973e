#include "program.hpp"

#include <utility>

namespace treadle::test::grammar {

namespace {

constexpr std::size_t depth_limit = 7;
constexpr std::uint32_t waits_across_limit = 40;  // each holds a spare of its pool, of which there are 64
constexpr std::uint32_t own_pools_limit = 12;     // each starts threads
constexpr std::uint8_t openings = static_cast<std::uint8_t>(step::count), closings = 6;

class parser {
 public:
  explicit parser(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  program parse() {
    made_.pools = 1 + next() % 3u;
    made_.end = static_cast<ending>(next() % static_cast<std::uint8_t>(ending::count));
    const std::uint8_t options = next();
    made_.retires = (options & 7) == 7;
    made_.spins = (options & 8) == 0;
    made_.lead_in = next();
    if (made_.end != ending::drained) made_.pools = 1;
    while (at_ < bytes_.size()) {
      const auto symbol = static_cast<std::uint8_t>(next() % (openings + closings));
      if (symbol < openings) {
        open(static_cast<step>(symbol));
      } else if (!open_.empty()) {
        close();
      }
    }
    while (!open_.empty()) close();
    return std::move(made_);
  }

 private:
  struct level {
    std::uint32_t index = 0;
    std::uint32_t last_child = node::none;
    bool inside_own_pool = false;
  };

  std::uint8_t next() noexcept { return at_ < bytes_.size() ? bytes_[at_++] : std::uint8_t{0}; }

  /// What cannot be had here becomes what comes next to it.
  step admit(step wanted) {
    const bool shut_in = !open_.empty() && open_.back().inside_own_pool;
    switch (wanted) {
      case step::on_strand:
        return shut_in || made_.end == ending::destroyed_at_once || made_.end == ending::cancelled_midway ? step::post
                                                                                                          : wanted;
      case step::across:
        return shut_in || made_.pools == 1 ? step::post : wanted;
      case step::across_and_wait:
      case step::run_across:
        if (shut_in || made_.pools == 1) return step::submit_and_wait;
        return ++waits_across_ <= waits_across_limit ? wanted : step::across;
      case step::own_pool:
      case step::cancelled_pool:
        return ++own_pools_ <= own_pools_limit ? wanted : step::blocking_call;
      default:
        return wanted;
    }
  }

  void open(step wanted) {
    const auto index = static_cast<std::uint32_t>(made_.nodes.size());
    node added;
    added.how = admit(wanted);
    added.seed = mix(index, bytes_[at_ - 1]);
    std::uint32_t& link = open_.empty() ? last_root_ : open_.back().last_child;
    if (link != node::none) {
      made_.nodes[link].next_sibling = index;
    } else if (open_.empty()) {
      made_.first_root = index;
    } else {
      made_.nodes[open_.back().index].first_child = index;
    }
    link = index;
    if (!open_.empty()) added.parent = open_.back().index;
    const bool shut_in = added.how == step::own_pool || (!open_.empty() && open_.back().inside_own_pool);
    made_.nodes.push_back(added);
    if (open_.size() + 1 < depth_limit) open_.push_back({index, node::none, shut_in});
  }

  void close() { open_.pop_back(); }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  program made_;
  std::vector<level> open_;
  std::uint32_t last_root_ = node::none;
  std::uint32_t waits_across_ = 0, own_pools_ = 0;
};

}  // namespace

bool is_awaited(step how) noexcept {
  switch (how) {
    case step::submit_and_wait:
    case step::submit_then_wait:
    case step::throwing:
    case step::blocking_call:
    case step::across_and_wait:
    case step::run_across:
    case step::own_pool:
    case step::cancelled_pool:
    case step::forked:
    case step::forked_throwing:
    case step::after_skipping:
      return true;
    default:
      return false;
  }
}

program parse(std::span<const std::uint8_t> bytes) { return parser(bytes).parse(); }

std::vector<std::uint8_t> random_bytes(random_source& random, std::size_t most) {
  std::vector<std::uint8_t> bytes(8 + random.below(most));
  for (std::uint8_t& each : bytes) each = static_cast<std::uint8_t>(random.next());
  return bytes;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t each : bytes) {
    text += digits[each >> 4];
    text += digits[each & 15];
  }
  return text;
}

std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::uint64_t> evaluate(const program& meant) {
  std::vector<std::uint64_t> results(meant.nodes.size());
  for (std::size_t i = results.size(); i-- > 0;) {
    std::uint64_t value = meant.nodes[i].seed;
    for (std::uint32_t child = meant.nodes[i].first_child; child != node::none;
         child = meant.nodes[child].next_sibling) {
      if (is_awaited(meant.nodes[child].how)) value = mix(value, results[child]);
    }
    results[i] = value;
  }
  return results;
}

}  // namespace treadle::test::grammar
