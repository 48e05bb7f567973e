#pragma once

#include "rows.hpp"
#include "stats.hpp"

#include <map>
#include <string>
#include <vector>

namespace bench {

/// All kept samples of one contender, round by round: index i of every vector is the same round for all contenders.
struct samples_of {
  std::string name;
  std::map<std::string, std::vector<double>> by_key;
};

/// What a row gave.
struct row_result {
  row definition;
  std::vector<samples_of> contenders;
  std::vector<std::string> skipped;  ///< Contenders that did not take part, each with the reason.
  std::vector<double> other_load;    ///< Per kept round: share of the machine that others used.
  unsigned dropped_busy = 0;         ///< Rounds above `engine_options::load_limit`.
  unsigned dropped = 0;              ///< Rounds in which the hypervisor took more than 1 %.
};

struct engine_options {
  std::string directory;  ///< Where the peers lie.
  unsigned rounds = 31;
  unsigned limit_s = 300;
  double load_limit = 1;  ///< Rounds in which others used a larger share of the machine are dropped.
};

/// Runs all contenders of `definition` once a round, in an order that rotates, until enough rounds are kept.
row_result run_row(const row& definition, const engine_options& options);

/// The samples of a figure, with what it subtracts taken off.
std::vector<double> figures_of(const row_result& result, const samples_of& who, const metric& what);

/// Finds the samples of a contender; null if it did not take part.
const samples_of* find_contender(const row_result& result, const std::string& name);

}  // namespace bench
