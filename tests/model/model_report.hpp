#pragma once

// What the models found, for scripts: TREADLE_MODEL_REPORT, a JSON array with one object a line. Each test writes the
// lines of its own name anew, so that the file holds the last run of each, whichever processes they ran in.

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace model {

class json_object {
 public:
  json_object& text(const char* key, const std::string& value) {
    std::string quoted = "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c == '\n' ? ' ' : c;
    }
    return put(key, quoted + "\"");
  }
  json_object& number(const char* key, std::uint64_t value) { return put(key, std::to_string(value)); }
  json_object& milliseconds(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.1f", value);
    return put("milliseconds", digits);
  }
  /// `mc::unlimited` becomes null.
  json_object& bound(const char* key, int value) { return put(key, value < 0 ? "null" : std::to_string(value)); }
  json_object& truth(const char* key, bool value) { return put(key, value ? "true" : "false"); }
  json_object& texts(const char* key, const std::vector<std::string>& values) {
    std::string list;
    for (const std::string& value : values) {
      list += (list.empty() ? "" : ", ") + json_object().text("", value).body_.substr(4);
    }
    return put(key, "[" + list + "]");
  }
  [[nodiscard]] std::string str() const { return "{" + body_ + "}"; }

 private:
  json_object& put(const char* key, const std::string& value) {
    body_ += std::string(body_.empty() ? "\"" : ", \"") + key + "\": " + value;
    return *this;
  }
  std::string body_;
};

/// Replaces the lines that begin with the same `"name": ..., "what": ...` as `entry`, or adds one.
inline void report(const std::string& name, const std::string& what, json_object rest) {
  const char* const chosen = std::getenv("TREADLE_MODEL_REPORT");
  const std::string path = chosen != nullptr ? chosen : TREADLE_MODEL_REPORT;
  if (path.empty()) return;
  const int lock = open((path + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  if (lock < 0 || flock(lock, LOCK_EX) != 0) {
    std::perror(("no report: " + path).c_str());
    if (lock >= 0) close(lock);
    return;
  }
  const std::string key = json_object().text("name", name).text("what", what).str();
  const std::string start = key.substr(0, key.size() - 1);
  std::string kept;
  std::ifstream before(path);
  for (std::string line; std::getline(before, line);) {
    if (line.size() < 3 || line.compare(0, start.size(), start) == 0) continue;
    if (line.back() != ',') line += ',';
    kept += line + "\n";
  }
  before.close();
  std::string body = rest.str();
  const std::string written = path + ".new";
  std::ofstream(written) << "[\n" << kept << start << ", " << body.substr(1) << "\n]\n";
  std::rename(written.c_str(), path.c_str());
  close(lock);
}

}  // namespace model
