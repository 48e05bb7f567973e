#include "engine.hpp"

#include "child.hpp"
#include "machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <thread>

namespace bench {

namespace {

constexpr double stolen_limit = 0.01;

class row_run {
 public:
  row_run(const row& definition, const engine_options& options) : options_(options) {
    result_.definition = definition;
    for (const contender& each : definition.contenders) admit(each);
  }

  row_result run() && {
    if (result_.definition.needs_files) run_all(0);  // from here on the files are in memory
    const unsigned tries = options_.rounds * (options_.load_limit < 1 ? 20 : 3);
    for (unsigned round = 0; round < tries && result_.other_load.size() < options_.rounds && !active_.empty();
         ++round) {
      if (isatty(STDERR_FILENO) != 0) {
        std::fprintf(stderr, "\r\x1b[K%s: round %zu of %u", result_.definition.name.c_str(),
                     result_.other_load.size() + 1, options_.rounds);
      }
      one_round(round);
    }
    if (isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r\x1b[K");
    return std::move(result_);
  }

 private:
  /// A program that was not built is left out here; one that is, but does not offer the row, after its first run.
  void admit(contender each) {
    std::string& program = each.command.front();
    if (program.empty()) {
      result_.skipped.push_back(each.name + ": neither built nor installed");
      return;
    }
    // The server of a row with a client stands behind it on the command line.
    for (std::string& word : each.command) {
      if (word.starts_with("peer_")) word = options_.directory + "/" + word;
      if (word.find('/') == word.npos || (&word != &program && !word.starts_with(options_.directory + "/peer_")))
        continue;
      if (access(word.c_str(), X_OK) == 0) continue;
      result_.skipped.push_back(each.name + ": not built");
      return;
    }
    result_.contenders.push_back({each.name, {}});
    active_.push_back(std::move(each));
  }

  void leave(std::size_t index, const std::string& why) {
    result_.skipped.push_back(active_[index].name + ": " + why);
    active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(index));
    result_.contenders.erase(result_.contenders.begin() + static_cast<std::ptrdiff_t>(index));
  }

  std::vector<outcome> run_all(unsigned round) {
    std::vector<outcome> outcomes(active_.size());
    std::vector<std::thread> threads;
    const auto run_one = [&](std::size_t index) {
      outcomes[index] = run_child(active_[index].command, active_[index].times_itself, options_.limit_s);
    };
    for (std::size_t i = 0; i < active_.size(); ++i) {
      const std::size_t index = (i + round) % active_.size();
      if (result_.definition.concurrent) {
        threads.emplace_back(run_one, index);
      } else {
        run_one(index);
      }
    }
    for (std::thread& each : threads) each.join();
    return outcomes;
  }

  void one_round(unsigned round) {
    const machine_ticks before = read_machine_ticks();
    const double ours_before = cpu_seconds_of_us();
    const std::vector<outcome> outcomes = run_all(round);
    const double ours = cpu_seconds_of_us() - ours_before;
    const machine_ticks after = read_machine_ticks();
    const double total = static_cast<double>(std::max<std::uint64_t>(after.total - before.total, 1));
    bool whole = true;
    for (std::size_t i = outcomes.size(); i-- > 0;) {
      if (outcomes[i].what == outcome::kind::measured) continue;
      leave(i, outcomes[i].what == outcome::kind::not_offered ? "does not offer this" : outcomes[i].why);
      whole = false;
    }
    // A contender that leaves has changed what the others ran beside, so that round is played again.
    if (!whole) return;
    if (static_cast<double>(after.stolen - before.stolen) / total > stolen_limit) {
      ++result_.dropped;
      return;
    }
    const double ticks_a_second = static_cast<double>(sysconf(_SC_CLK_TCK));
    const double foreign = (static_cast<double>(after.busy - before.busy) - ours * ticks_a_second) / total;
    if (foreign > options_.load_limit) {
      ++result_.dropped_busy;
      return;
    }
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      for (const auto& [key, value] : outcomes[i].values) result_.contenders[i].by_key[key].push_back(value);
    }
    result_.other_load.push_back(std::clamp(foreign, 0.0, 1.0));
  }

  const engine_options& options_;
  row_result result_;
  std::vector<contender> active_;  ///< In step with `result_.contenders`.
};

}  // namespace

row_result run_row(const row& definition, const engine_options& options) { return row_run(definition, options).run(); }

const samples_of* find_contender(const row_result& result, const std::string& name) {
  for (const samples_of& each : result.contenders) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

std::vector<double> figures_of(const row_result& result, const samples_of& who, const metric& what) {
  const auto found = who.by_key.find(what.key);
  if (found == who.by_key.end()) return {};
  std::vector<double> figures = found->second;
  if (what.minus.empty() || what.minus == who.name) return figures;
  const samples_of* const base = find_contender(result, what.minus);
  if (base == nullptr) return {};
  const std::vector<double>& subtracted = base->by_key.at(what.key);
  for (std::size_t i = 0; i < std::min(figures.size(), subtracted.size()); ++i) figures[i] -= subtracted[i];
  return figures;
}

}  // namespace bench
