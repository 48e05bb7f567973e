// Every order of the kernels that is not relaxed is weakened by one step, and every light or heavy barrier left out, one
// at a time: some model must fail then. What survives is argued in README.md and listed here, no more and no less.
#include "model_test.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace {

/// A mutant and the models in which its operation is seen.
struct target {
  mc::mutant change;
  std::vector<const model::program*> seen_in;

  [[nodiscard]] std::string file() const { return mc::file_name(change.path.c_str()); }
  /// Without line numbers: what is listed must not depend on them.
  [[nodiscard]] std::string title() const {
    return file() + ", " + change.function.substr(0, change.function.find('<')) + ": " +
           mc::code_at(change.path, change.line) + " " + mc::name_of_order(change.from) + " -> " +
           mc::name_of_order(change.to) + (change.on_failure ? " on failure" : "");
  }
};

bool is_kernel(const std::string& path) { return path.find("treadle/detail/") != std::string::npos; }

std::vector<target> all_targets() {
  std::vector<target> all;
  for (const model::program& one : model::programs()) {
    mc::options how = one.how.free;
    how.mode = mc::explorer::random;
    how.executions = 100;
    how.collect_orders = true;
    for (const mc::mutant& seen : mc::explore(how, one.body).orders) {
      if (!is_kernel(seen.path)) continue;
      const auto same = std::find_if(all.begin(), all.end(), [&](const target& other) {
        return other.change.line == seen.line && other.change.on_failure == seen.on_failure &&
               other.change.from == seen.from && other.change.to == seen.to && other.change.path == seen.path;
      });
      if (same != all.end()) {
        same->seen_in.push_back(&one);
      } else {
        all.push_back({seen, {&one}});
      }
    }
  }
  std::sort(all.begin(), all.end(), [](const target& a, const target& b) {
    return a.file() != b.file() ? a.file() < b.file() : a.change.line < b.change.line;
  });
  return all;
}

/// What is spent on each model that sees the mutant, one after another until one fails: first on the kernel's own
/// models, then on those of what stands above it.
struct effort {
  mc::explorer mode;
  std::uint64_t executions;
  bool everywhere;
};
constexpr effort efforts[] = {
    {mc::explorer::pct, 300, false},      {mc::explorer::exhaustive, 1'000, false},  {mc::explorer::pct, 200, true},
    {mc::explorer::random, 4'000, false}, {mc::explorer::exhaustive, 12'000, false}, {mc::explorer::random, 500, true}};

struct catch_report {
  std::string by;
  std::uint64_t executions = 0;
};

/// A survivor that is listed gets a smaller share of the time.
catch_report try_to_catch(const target& one, bool is_listed) {
  catch_report found;
  const std::string own = one.file().substr(0, one.file().find('.')) + "_model";
  std::vector<const model::program*> order = one.seen_in;
  std::stable_partition(order.begin(), order.end(), [&](const auto* program) { return program->suite == own; });
  const bool seen_in_own = order.front()->suite == own;
  for (const effort& spent : efforts) {
    if (is_listed && &spent - efforts == 2) break;
    for (const model::program* program : order) {
      if (!spent.everywhere && program->suite != own && seen_in_own) continue;
      mc::options how = spent.mode == mc::explorer::exhaustive ? program->how.bounds : program->how.free;
      how.mode = spent.mode;
      how.executions = spent.executions;
      how.time_limit_ms = 0;
      how.shrink = false;
      how.max_steps = 5'000;
      how.weaken = &one.change;
      const mc::result r = mc::explore(how, program->body);
      found.executions += r.executions;
      if (!r.failed) continue;
      found.by = std::string(program->suite) + "." + program->name;
      return found;
    }
  }
  return found;
}

/// Survivors; README.md says why each is as it is.
const std::multiset<std::string>& survivors_listed() {
  static const std::multiset<std::string> listed = {
      std::string(R"(fork_stack.hpp, claim: if (zone_.compare_exchange_weak(word, now.without_oldest().word(), std::)"
                  R"(memory_order_acquire, acquire -> relaxed)"),
      std::string(R"(waking.hpp, tell_quiet: quiet_epoch_.fetch_add(1, std::memory_order_release); release -> r)"
                  R"(elaxed)"),
      std::string(R"(scheduler.hpp, wait_until_maybe_quiet: const std::uint32_t epoch = quiet_epoch_.load(std::)"
                  R"(memory_order_acquire); acquire -> relaxed)"),
      std::string(R"(sync_word.hpp, stop_if_unchanged: return word_.compare_exchange_strong(word, seen.with_lif)"
                  R"(e(lifecycle::stopped).word(), std::memory_order_seq_cst, seq_cst -> acq_rel)"),
      std::string(R"(sync_word.hpp, watch: void watch() noexcept { word_.fetch_or(sync_state::watched_bit, std:)"
                  R"(:memory_order_seq_cst); } seq_cst -> acq_rel)"),
      std::string(R"(sync_word.hpp, unwatch: void unwatch() noexcept { word_.fetch_and(~sync_state::watched_bit)"
                  R"(, std::memory_order_seq_cst); } seq_cst -> acq_rel)"),
      std::string(R"(sync_word.hpp, change: return word_.compare_exchange_weak(expected, desired, std::memory_o)"
                  R"(rder_seq_cst, seq_cst -> acq_rel)"),
      std::string(R"(sync_word.hpp, add: return sync_state(word_.fetch_add(delta, std::memory_order_seq_cst) + )"
                  R"(delta); seq_cst -> acq_rel)"),
      std::string(R"(sync_word.hpp, subtract: return sync_state(word_.fetch_sub(delta, std::memory_order_seq_cs)"
                  R"(t) - delta); seq_cst -> acq_rel)")};
  return listed;
}

class mutants : public testing::TestWithParam<const char*> {};

TEST_P(mutants, are_caught) {
  const std::string file = GetParam();
  const auto start = std::chrono::steady_clock::now();
  std::multiset<std::string> survivors, expected;
  for (const std::string& one : survivors_listed()) {
    if (one.compare(0, file.size() + 1, file + ",") == 0) expected.insert(one);
  }
  std::uint64_t count = 0, executions = 0;
  for (const target& one : all_targets()) {
    if (one.file() != file) continue;
    const catch_report found = try_to_catch(one, expected.count(one.title()) != 0);
    ++count;
    executions += found.executions;
    std::cout << "[  mutant  ] " << one.title() << " (line " << one.change.line
              << "): " << (found.by.empty() ? "SURVIVES" : found.by) << ", " << found.executions << " executions\n";
    if (found.by.empty()) survivors.insert(one.title());
  }
  EXPECT_NE(count, 0U);
  EXPECT_EQ(survivors, expected);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  std::cout << "[  mutants ] " << file << ": " << count << ", caught " << count - survivors.size() << ", surviving "
            << survivors.size() << ", " << executions << " executions in " << spent.count() << " ms\n";
  model::json_object entry;
  entry.text("kind", "mutants").number("mutants", count).number("caught", count - survivors.size());
  entry.number("surviving", survivors.size()).number("executions", executions);
  entry.texts("survivors", {survivors.begin(), survivors.end()});
  model::report("mutants." + file, "mutants", entry.milliseconds(spent.count()));
}

constexpr const char* kernels[] = {
    "arrivals.hpp",    "brief_lock.hpp",   "completion.hpp", "event.hpp",          "flight_ring.hpp",
    "fork_stack.hpp",  "forking.hpp",      "meeting.hpp",    "next_slot.hpp",      "poll_event.hpp",
    "polling.hpp",     "ring.hpp",         "scheduler.hpp",  "scope_children.hpp", "sign.hpp",
    "stop_list.hpp",   "strand_queue.hpp", "sync_word.hpp",  "task_queue.hpp",     "timekeeping.hpp",
    "timer_wheel.hpp", "under_way.hpp",    "wake_once.hpp",  "waking.hpp",         "worker_list.hpp"};
INSTANTIATE_TEST_SUITE_P(kernels, mutants, testing::ValuesIn(kernels), [](const auto& parameter) {
  const std::string file = parameter.param;
  return file.substr(0, file.find('.'));
});

bool has_strong_order(const std::string& code) {
  for (const char* strong :
       {"memory_order_acq", "memory_order_release", "memory_order_seq_cst", "P::light_barrier(", "P::heavy_barrier("}) {
    if (code.find(strong) != std::string::npos) return true;
  }
  return false;
}

/// A new kernel must come among the mutants: each header with an order that is not relaxed is listed, or is said to be
/// no code against a policy.
TEST(mutants_of_all_kernels, every_kernel_is_listed) {
  const std::set<std::string> no_kernels = {"chaos_atomic.hpp", "pool_core.hpp", "spawned.hpp", "system_policy.hpp"};
  const std::set<std::string> listed(std::begin(kernels), std::end(kernels));
  std::set<std::string> found = no_kernels;
  for (const auto& entry : std::filesystem::directory_iterator(TREADLE_MODEL_KERNELS_DIR)) {
    std::ifstream in(entry.path());
    const std::string code((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (has_strong_order(code)) found.insert(entry.path().filename().string());
  }
  for (const std::string& none : no_kernels) found.erase(none);
  EXPECT_EQ(found, listed);
}

/// An order that no model ever executes is not tested, so it is no mutant either: that must not go unnoticed.
TEST(mutants_of_all_kernels, every_order_is_seen) {
  std::map<std::string, std::set<unsigned>> seen;  // path: lines
  const std::set<std::string> wanted(std::begin(kernels), std::end(kernels));
  std::set<std::string> found_files;
  for (const target& one : all_targets()) {
    if (wanted.count(one.file()) == 0) continue;
    seen[one.change.path].insert(one.change.line);
    found_files.insert(one.file());
  }
  EXPECT_EQ(found_files, wanted);
  // Faulty steps that are off here, and what no model does.
  const std::set<std::string> unseen = {
      "event.hpp: word = word_.exchange((word & ~state_mask) | token, std::memory_order_release);",
      "ring.hpp: lease_end_.store(from, std::memory_order_release);",
      "task_queue.hpp: if constexpr (P::seed_defect(104)) next = pointer(node->next.load(std::memory_order_acquire));"};
  for (const auto& [path, lines] : seen) {
    std::ifstream in(path[0] == '/' ? path : TREADLE_MODEL_BUILD_DIR "/" + path);
    ASSERT_TRUE(in.good()) << path;
    unsigned number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      const std::string code = mc::code_at(path, number);
      if (unseen.count(mc::file_name(path.c_str()) + (": " + code)) != 0) continue;
      if (!has_strong_order(code) || code.find("memory_order_relaxed);") == 0) continue;
      bool found = false;
      for (unsigned near = number > 3 ? number - 3 : 1; near <= number + 1; ++near) found |= lines.count(near) != 0;
      EXPECT_TRUE(found) << path << ":" << number << ": " << code;
    }
  }
}

}  // namespace
