#include "report.hpp"

#include "text.hpp"
#include "trace_file.hpp"
#include <treadle_report_page.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

namespace tool {

namespace {

struct close_file {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using open_file = std::unique_ptr<std::FILE, close_file>;

int complain(const std::string& name, const std::string& what) {
  fmt::print(stderr, "treadle: {}: {}\n", readable(name), what);
  return 1;
}

std::optional<std::string> read_whole(const std::string& name) {
  open_file opened;
  if (name != "-") opened.reset(std::fopen(name.c_str(), "rb"));
  std::FILE* const file = name == "-" ? stdin : opened.get();
  if (file == nullptr) return std::nullopt;
  std::string text;
  char block[1 << 16];
  while (const std::size_t got = std::fread(block, 1, sizeof block, file)) text.append(block, got);
  if (std::ferror(file) != 0) return std::nullopt;
  return text;
}

/// Text inside <script type="application/json">: nothing in it may end that element or open a comment.
void append_safe(std::string& page, std::string_view value) {
  std::string quoted;
  append_json_string(quoted, value);
  for (const char c : quoted) {
    if (c == '<' || c == '>' || c == '&') {
      page += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      page += c;
    }
  }
}

template <class Items, class Get>
void append_column(std::string& page, std::string_view key, const Items& items, Get get) {
  page += fmt::format("\"{}\":[", key);
  bool is_first = true;
  for (const auto& each : items) {
    if (!is_first) page += ',';
    is_first = false;
    fmt::format_to(std::back_inserter(page), "{}", static_cast<std::int64_t>(get(each)));
  }
  page += ']';
}

void append_names(std::string& page, const trace_file& trace) {
  page += "\"lanes\":[";
  for (std::size_t i = 0; i < trace.lanes.size(); ++i) {
    page += fmt::format("{}{{\"thread\":{},\"name\":", i == 0 ? "" : ",", trace.lanes[i].thread);
    append_safe(page, trace.lanes[i].name);
    page += '}';
  }
  page += "],\n\"names\":[";
  for (std::size_t i = 0; i < trace.names.size(); ++i) {
    if (i > 0) page += ',';
    append_safe(page, trace.names[i]);
  }
  page += "],\n";
}

/// Columns, for a large trace has a hundred thousand events of the same few keys.
void append_data(std::string& page, const trace_file& trace, const std::string& source) {
  using span = trace_file::span;
  using mark = trace_file::mark;
  using arrow = trace_file::arrow;
  const auto column = [&page](std::string_view key, const auto& items, auto get, std::string_view end) {
    append_column(page, key, items, get);
    page += end;
  };
  for (const auto& [key, value] :
       {std::pair("{\"source\":", &source), {"\"version\":", &trace.version}, {"\"pool\":", &trace.pool}}) {
    page += key;
    append_safe(page, *value);
    page += ",\n";
  }
  page += fmt::format("\"workers\":{},\"duration\":{},\"ignored\":{},\n", trace.workers, trace.duration, trace.ignored);
  append_names(page, trace);
  page += "\"spans\":{";
  column(
      "lane", trace.spans, [](const span& s) { return s.lane; }, ",");
  column(
      "kind", trace.spans, [](const span& s) { return s.kind; }, ",");
  column(
      "start", trace.spans, [](const span& s) { return s.start; }, ",");
  column(
      "length", trace.spans, [](const span& s) { return s.end - s.start; }, ",");
  column(
      "name", trace.spans, [](const span& s) { return s.name; }, ",");
  column(
      "flow", trace.spans, [](const span& s) { return s.flow; }, "},\n\"marks\":{");
  column(
      "lane", trace.marks, [](const mark& m) { return m.lane; }, ",");
  column(
      "kind", trace.marks, [](const mark& m) { return m.kind; }, ",");
  column(
      "at", trace.marks, [](const mark& m) { return m.at; }, ",");
  column(
      "from", trace.marks, [](const mark& m) { return m.from; }, ",");
  column(
      "to", trace.marks, [](const mark& m) { return m.to; }, ",");
  column(
      "name", trace.marks, [](const mark& m) { return m.name; }, ",");
  column(
      "flow", trace.marks, [](const mark& m) { return m.flow; }, "},\n\"arrows\":{");
  column(
      "kind", trace.arrows, [](const arrow& a) { return a.kind; }, ",");
  column(
      "fromLane", trace.arrows, [](const arrow& a) { return a.from_lane; }, ",");
  column(
      "fromAt", trace.arrows, [](const arrow& a) { return a.from_at; }, ",");
  column(
      "toLane", trace.arrows, [](const arrow& a) { return a.to_lane; }, ",");
  column(
      "toAt", trace.arrows, [](const arrow& a) { return a.to_at; }, "}}");
}

/// The page with everything in it: nothing is fetched when it is opened.
std::string make_page(const trace_file& trace, const std::string& source) {
  std::string_view rest = report_page::page_html;
  std::string page;
  const auto copy_to = [&](std::string_view comment) {
    const std::size_t at = rest.find(comment);
    page += rest.substr(0, at);
    rest.remove_prefix(at + comment.size());
  };
  copy_to("<!-- style -->");
  for (const std::string_view each : {report_page::base_css, report_page::report_css}) page += each;
  copy_to("<!-- data -->");
  append_data(page, trace, source);
  copy_to("<!-- script -->");
  for (const std::string_view each : {report_page::model_js, report_page::advice_js, report_page::timeline_js,
                                      report_page::tables_js, report_page::main_js}) {
    page += each;
  }
  page += rest;
  return page;
}

std::string default_name(const std::string& trace) {
  if (trace == "-") return "report.html";
  return std::filesystem::path(trace).replace_extension(".html").string();
}

/// Writes all of the page or leaves no file. Returns an errno, or 0.
int write_page(const std::string& name, const std::string& page) {
  if (name == "-") {
    const bool is_written = std::fwrite(page.data(), 1, page.size(), stdout) == page.size() && std::fflush(stdout) == 0;
    return is_written ? 0 : errno;
  }
  std::FILE* const file = std::fopen(name.c_str(), "wb");
  if (file == nullptr) return errno;
  int error = std::fwrite(page.data(), 1, page.size(), file) == page.size() ? 0 : errno;
  if (std::fclose(file) != 0 && error == 0) error = errno;
  std::error_code ignored;
  if (error != 0 && std::filesystem::is_regular_file(name, ignored)) std::filesystem::remove(name, ignored);
  return error;
}

}  // namespace

int run_report(const report_options& options) {
  const std::string out = options.out.empty() ? default_name(options.trace) : options.out;
  std::error_code ignored;
  if (options.trace != "-" && out != "-" && std::filesystem::equivalent(options.trace, out, ignored)) {
    return complain(out, "is the trace itself; name another file with --out");
  }
  const std::optional<std::string> text = read_whole(options.trace);
  if (!text) return complain(options.trace, std::generic_category().message(errno));
  trace_file trace;
  std::string page;
  try {
    trace = trace_file::parse(*text);
    page = make_page(trace, std::filesystem::path(options.trace).filename().string());
  } catch (const bad_trace& error) {
    return complain(options.trace, error.what());
  }
  if (const int error = write_page(out, page); error != 0) return complain(out, std::generic_category().message(error));
  if (out != "-") {
    fmt::print("{}: {} spans and {} marks of {} threads\n", readable(out), with_commas(trace.spans.size()),
               with_commas(trace.marks.size()), trace.lanes.size());
    if (std::fflush(stdout) != 0) return complain("standard output", std::generic_category().message(errno));
  }
  return 0;
}

}  // namespace tool
