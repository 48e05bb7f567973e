// A small make without a shell: reads rules, and runs those that the goal needs, what does not depend on each other in
// parallel. A rule is a line `name: needed needed ... = words`; its text is what it needs, one after the other, and the
// words. Without a file it makes a poem of its own.
#include <treadle/treadle.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace {

constexpr const char* poem =
    "# This is the house that Jack built.\n"
    "house:           = the house that Jack built\n"
    "malt:   house    = the malt that lay in\n"
    "rat:    malt     = the rat that ate\n"
    "cat:    rat      = the cat that killed\n"
    "dog:    cat      = the dog that worried\n"
    "cheese:          = a piece of cheese\n"
    "lunch:  cheese   = for lunch:\n"
    "all:    dog lunch =\n";

struct rule {
  std::string name;
  std::vector<std::string> needs;
  std::string words;
  std::string made;  ///< written by the rule's step, read by those that follow it
};

std::map<std::string, rule> read_rules(std::istream& in) {
  std::map<std::string, rule> rules;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t colon = line.find(':'), equals = line.find('=', colon);
    if (colon == std::string::npos || equals == std::string::npos) throw std::runtime_error("not a rule: " + line);
    rule read;
    read.name = line.substr(0, colon);
    std::istringstream needs(line.substr(colon + 1, equals - colon - 1));
    for (std::string each; needs >> each;) read.needs.push_back(each);
    const std::size_t words = line.find_first_not_of(' ', equals + 1);
    if (words != std::string::npos) read.words = line.substr(words);
    if (!rules.emplace(read.name, read).second) throw std::runtime_error("two rules for " + read.name);
  }
  return rules;
}

/// A graph of the rules that a goal needs.
class maker {
 public:
  maker(std::map<std::string, rule>& rules, const std::string& goal) : rules_(rules), steps_(goal) { add(goal); }

  void run(treadle::thread_pool& pool) { steps_.run(pool); }
  [[nodiscard]] std::string picture() const { return steps_.dot(); }

 private:
  /// Depth first, but without a step twice: a circle is left for the graph to find.
  treadle::graph::node add(const std::string& name) {
    if (const auto known = nodes_.find(name); known != nodes_.end()) return known->second;
    const auto found = rules_.find(name);
    if (found == rules_.end()) throw std::runtime_error("no rule for " + name);
    rule& making = found->second;
    const treadle::graph::node step = steps_.add(name, [this, &making] { make(making); });
    nodes_.emplace(name, step);
    for (const std::string& each : making.needs) step.succeed(add(each));
    return step;
  }

  void make(rule& making) const {
    making.made = making.words;
    for (const std::string& each : making.needs) {
      if (!making.made.empty()) making.made += ' ';
      making.made += rules_.at(each).made;
    }
  }

  std::map<std::string, rule>& rules_;
  treadle::graph steps_;
  std::map<std::string, treadle::graph::node> nodes_;
};

}  // namespace

int main(int argc, char** argv) try {
  std::ifstream file;
  std::istringstream own(poem);
  if (argc > 1) {
    file.open(argv[1]);
    if (!file) throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory), argv[1]);
  }
  std::map<std::string, rule> rules = read_rules(argc > 1 ? static_cast<std::istream&>(file) : own);
  const std::string goal = argc > 2 ? argv[2] : "all";
  treadle::thread_pool pool;
  maker making(rules, goal);
  making.run(pool);
  std::printf("%s\n", rules.at(goal).made.c_str());
  if (argc > 3) std::ofstream(argv[3]) << making.picture();
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "make: %s\n", error.what());
  return 1;
}
