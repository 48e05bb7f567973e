#include "report.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace bench {

namespace {

constexpr const char* subject = "treadle";

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string shortest(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

/// Three or four digits that carry something.
std::string number(double value) { return fixed(value, value >= 1000 ? 0 : value >= 100 ? 1 : 2); }

std::string bar_text(const row_result& result, const bar& wanted, const metric*& what) {
  what = nullptr;
  for (const metric& each : result.definition.metrics) {
    if ((each.key == wanted.key || each.label == wanted.key) && what == nullptr) what = &each;
  }
  if (what == nullptr) return {};
  if (wanted.against.empty()) return what->label + " <= " + number(wanted.limit * what->scale) + " " + what->unit;
  return what->label + " <= " + fixed(wanted.limit, 3) + " x " + wanted.against;
}

/// The samples that a bar speaks of; empty if somebody is missing.
std::vector<double> bar_samples(const row_result& result, const bar& wanted, const metric& what) {
  const samples_of* const ours = find_contender(result, subject);
  if (ours == nullptr) return {};
  std::vector<double> figures = figures_of(result, *ours, what);
  if (wanted.against.empty()) return figures;
  const samples_of* const theirs = find_contender(result, wanted.against);
  return theirs == nullptr ? std::vector<double>{} : ratios(figures, figures_of(result, *theirs, what));
}

void print_figures(const row_result& result) {
  std::printf("  %-12s", "");
  for (const metric& each : result.definition.metrics) {
    std::printf(" %28s", (each.label + (each.unit.empty() ? "" : " " + each.unit)).c_str());
  }
  std::printf("\n");
  for (const samples_of& who : result.contenders) {
    std::printf("  %-12s", who.name.c_str());
    for (const metric& each : result.definition.metrics) {
      const interval found = bootstrap_median(figures_of(result, who, each));
      const std::string text = number(found.median * each.scale) + " [" + number(found.low * each.scale) + ", " +
                               number(found.high * each.scale) + "]";
      std::printf(" %28s", text.c_str());
    }
    std::printf("\n");
  }
}

void print_ratios(const row_result& result) {
  const samples_of* const ours = find_contender(result, subject);
  if (ours == nullptr) return;
  for (const samples_of& who : result.contenders) {
    if (&who == ours) continue;
    std::printf("  treadle / %-11s", who.name.c_str());
    for (const metric& each : result.definition.metrics) {
      const std::vector<double> found = ratios(figures_of(result, *ours, each), figures_of(result, who, each));
      if (found.empty()) continue;
      const interval ratio = bootstrap_median(found);
      std::printf("  %s %.3f [%.3f, %.3f] %s", each.label.c_str(), ratio.median, ratio.low, ratio.high,
                  std::string(verdict(ratio)).c_str());
    }
    std::printf("\n");
  }
}

class json_writer {
 public:
  explicit json_writer(std::FILE* file) : file_(file) {}

  void text(const std::string& value) {
    std::fputc('"', file_);
    for (const char c : value) {
      if (c == '"' || c == '\\') std::fputc('\\', file_);
      if (static_cast<unsigned char>(c) < 0x20) {
        std::fprintf(file_, "\\u%04x", static_cast<unsigned>(c));
      } else {
        std::fputc(c, file_);
      }
    }
    std::fputc('"', file_);
  }
  void raw(const char* value) { std::fputs(value, file_); }
  void field(const char* key, const std::string& value) {
    std::fprintf(file_, "\"%s\": ", key);
    text(value);
  }
  void range(const interval& value) {
    std::fprintf(file_, "\"median\": %.6g, \"low\": %.6g, \"high\": %.6g", value.median, value.low, value.high);
  }
  void list(const std::vector<double>& values) {
    raw("[");
    for (std::size_t i = 0; i < values.size(); ++i) std::fprintf(file_, "%s%.6g", i == 0 ? "" : ", ", values[i]);
    raw("]");
  }
  template <class Items, class Write>
  void each(const char* key, const Items& items, Write write) {
    std::fprintf(file_, "\"%s\": [", key);
    bool first = true;
    for (const auto& item : items) {
      raw(first ? "\n" : ",\n");
      first = false;
      write(item);
    }
    raw("]");
  }

 private:
  std::FILE* file_;
};

void write_contender(json_writer& out, const row_result& result, const samples_of& who) {
  const samples_of* const ours = find_contender(result, subject);
  out.raw("    {");
  out.field("name", who.name);
  out.raw(", ");
  out.each("figures", result.definition.metrics, [&](const metric& what) {
    const std::vector<double> figures = figures_of(result, who, what);
    out.raw("      {");
    out.field("label", what.label);
    out.raw(", ");
    out.field("unit", what.unit);
    out.raw(", \"scale\": ");
    out.raw(shortest(what.scale).c_str());
    out.raw(", ");
    out.range(bootstrap_median(figures));
    if (ours != nullptr && ours != &who) {
      if (const std::vector<double> found = ratios(figures_of(result, *ours, what), figures); !found.empty()) {
        const interval ratio = bootstrap_median(found);
        out.raw(", \"ratio\": {");
        out.range(ratio);
        out.raw(", ");
        out.field("verdict", std::string(verdict(ratio)));
        out.raw("}");
      }
    }
    out.raw(", \"samples\": ");
    out.list(figures);
    out.raw("}");
  });
  out.raw("}");
}

void write_bar(json_writer& out, const row_result& result, const bar& wanted) {
  const metric* what = nullptr;
  const std::string text = bar_text(result, wanted, what);
  out.raw("    {");
  out.field("text", text);
  out.raw(", ");
  out.field("label", what == nullptr ? "" : what->label);
  out.raw(", \"limit\": ");
  out.raw(shortest(wanted.limit).c_str());
  const std::vector<double> samples = what == nullptr ? std::vector<double>{} : bar_samples(result, wanted, *what);
  if (!samples.empty()) {
    const interval found = bootstrap_median(samples);
    out.raw(", ");
    out.range(found);
    out.raw(", \"scale\": ");
    out.raw(shortest(wanted.against.empty() ? what->scale : 1).c_str());
    out.raw(", ");
    out.field("verdict", std::string(against_bar(found, wanted.limit)));
  }
  out.raw("}");
}

void write_row(json_writer& out, const row_result& result) {
  out.raw("  {");
  out.field("name", result.definition.name);
  out.raw(", ");
  out.field("title", result.definition.title);
  out.raw((", \"rounds\": " + std::to_string(result.other_load.size()) +
           ", \"dropped\": " + std::to_string(result.dropped) +
           ", \"dropped_busy\": " + std::to_string(result.dropped_busy) + ", \"other_load\": ")
              .c_str());
  out.list(result.other_load);
  out.raw(",\n   ");
  out.each("contenders", result.contenders, [&](const samples_of& who) { write_contender(out, result, who); });
  out.raw(",\n   ");
  out.each("bars", result.definition.bars, [&](const bar& wanted) { write_bar(out, result, wanted); });
  out.raw(",\n   ");
  out.each("skipped", result.skipped, [&](const std::string& reason) { out.text(reason); });
  out.raw("}");
}

}  // namespace

void print_row(const row_result& result) {
  std::printf("\n%s: %s\n", result.definition.name.c_str(), result.definition.title.c_str());
  std::printf("  %zu rounds kept, %u dropped for stolen CPU, %u for load; median load by others %.0f %%\n",
              result.other_load.size(), result.dropped, result.dropped_busy,
              bootstrap_median(result.other_load).median * 100);
  if (!result.other_load.empty()) {
    print_figures(result);
    print_ratios(result);
  }
  for (const bar& wanted : result.definition.bars) {
    const metric* what = nullptr;
    const std::string text = bar_text(result, wanted, what);
    const std::vector<double> samples = what == nullptr ? std::vector<double>{} : bar_samples(result, wanted, *what);
    if (samples.empty()) continue;
    const interval found = bootstrap_median(samples);
    const double scale = wanted.against.empty() ? what->scale : 1;
    std::printf("  bar: %s: %.3f [%.3f, %.3f] %s\n", text.c_str(), found.median * scale, found.low * scale,
                found.high * scale, std::string(against_bar(found, wanted.limit)).c_str());
  }
  for (const std::string& reason : result.skipped) std::printf("  skipped %s\n", reason.c_str());
  std::fflush(stdout);
}

void write_json(const std::string& path, const std::string& machine, const std::string& command,
                const std::vector<row_result>& results) {
  const std::string partial = path + ".part";
  std::FILE* const file = std::fopen(partial.c_str(), "w");
  if (file == nullptr) {
    std::perror(partial.c_str());
    return;
  }
  json_writer out(file);
  out.raw("{");
  out.field("machine", machine);
  out.raw(", ");
  out.field("command", command);
  out.raw(",\n ");
  out.each("rows", results, [&](const row_result& result) { write_row(out, result); });
  out.raw("}\n");
  std::fclose(file);
  std::filesystem::rename(partial, path);
}

}  // namespace bench
