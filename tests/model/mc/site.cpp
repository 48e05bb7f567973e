// Reads the sources that the operations of a trace stand in.
#include "site.hpp"

#include <cstring>
#include <fstream>
#include <map>
#include <vector>

namespace mc {

namespace {

const std::vector<std::string>& lines_of(const std::string& path) {
  static std::map<std::string, std::vector<std::string>> files;
  const auto [found, is_new] = files.try_emplace(path);
  if (is_new) {
    // As the compiler was given it, which is relative to where it ran.
    std::ifstream in(path[0] == '/' ? path : TREADLE_MODEL_BUILD_DIR "/" + path);
    for (std::string line; std::getline(in, line);) found->second.push_back(line);
  }
  return found->second;
}

std::string line_of(const std::string& path, unsigned line) {
  const std::vector<std::string>& lines = lines_of(path);
  return line == 0 || line > lines.size() ? std::string() : lines[line - 1];
}

/// The first E-NAME in a comment that is no documentation.
std::string edge_in(const std::string& text) {
  const std::size_t comment = text.find("//");
  if (comment == std::string::npos || text.compare(comment, 3, "///") == 0) return {};
  const std::size_t from = text.find("E-", comment);
  if (from == std::string::npos) return {};
  const std::size_t to = text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", from);
  const std::string name = text.substr(from, to == std::string::npos ? to : to - from);
  return name.size() > 2 ? name : std::string();
}

bool ends_statement(const std::string& code) {
  return !code.empty() && (code.back() == ';' || code.back() == '{' || code.back() == '}');
}

}  // namespace

const char* file_name(const char* path) noexcept {
  const char* const slash = std::strrchr(path, '/');
  return slash == nullptr ? path : slash + 1;
}

std::string code_at(const std::string& path, unsigned line) {
  std::string text = line_of(path, line);
  const std::size_t comment = text.find("//");
  if (comment != std::string::npos) text.erase(comment);
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string edge_at(const std::string& path, unsigned line) {
  for (unsigned behind = 0; behind < 4; ++behind) {
    const std::string edge = edge_in(line_of(path, line + behind));
    if (!edge.empty()) return edge;
    if (ends_statement(code_at(path, line + behind))) break;
  }
  for (unsigned above = 1; above < 4 && above < line; ++above) {
    const std::string edge = edge_in(line_of(path, line - above));
    if (!edge.empty()) return edge;
    if (ends_statement(code_at(path, line - above))) break;
  }
  return {};
}

}  // namespace mc
