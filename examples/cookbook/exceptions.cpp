// One child fails: the others are told to stop, those that have not started are skipped, and the error arrives here.
#include <treadle/treadle.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

int parse(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) {
    throw std::invalid_argument("not a number: " + text);
  }
  return std::stoi(text);
}

int main() {
  const std::vector<std::string> texts{"12", "7", "x1", "30"};
  std::vector<int> numbers(texts.size());
  try {
    treadle::scope s(treadle::default_pool());
    for (std::size_t i = 0; i < texts.size(); ++i) s.spawn([&, i] { numbers[i] = parse(texts[i]); });
    s.wait();  // no child runs any more when this throws: what they refer to may go
  } catch (const std::invalid_argument& error) {
    std::puts(error.what());
    return 0;
  }
  return 1;
}
