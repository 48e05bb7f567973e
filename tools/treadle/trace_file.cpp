#include "trace_file.hpp"

#include "text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace tool {

namespace {

using json = nlohmann::json;

constexpr double most_us = 9e15;             // as microseconds since any start, exact in a double
constexpr std::int64_t most_ns = 1LL << 53;  // the page counts in doubles
constexpr std::int64_t most_thread = 1 << 24;

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_of(const json& object, const char* key, std::int64_t otherwise) {
  const auto found = object.find(key);
  if (found == object.end()) return otherwise;
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > std::uint64_t{INT64_MAX}) return otherwise;
  if (found->is_number_integer()) return found->get<std::int64_t>();
  return otherwise;
}

/// `a/b.cpp:7` without its directory.
std::string brief(const std::string& site) {
  const std::size_t slash = site.rfind('/');
  const bool is_site = slash != std::string::npos && site.find(':', slash) != std::string::npos;
  return is_site ? site.substr(slash + 1) : site;
}

/// The flow of an event: a number, or text such as "0x2f".
std::string flow_key(const json& event) {
  const auto found = event.find("id");
  if (found == event.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::optional<trace_file::span_kind> span_kind_of(const std::string& category) {
  if (category == "run") return trace_file::span_kind::run;
  if (category == "park") return trace_file::span_kind::park;
  if (category == "blocked") return trace_file::span_kind::blocked;
  return std::nullopt;
}

std::optional<trace_file::mark_kind> mark_kind_of(const std::string& category) {
  static const std::map<std::string, trace_file::mark_kind> kinds{{"schedule", trace_file::mark_kind::schedule},
                                                                  {"steal", trace_file::mark_kind::steal},
                                                                  {"wake", trace_file::mark_kind::wake},
                                                                  {"expose", trace_file::mark_kind::expose},
                                                                  {"io", trace_file::mark_kind::io},
                                                                  {"timer", trace_file::mark_kind::timer}};
  const auto found = kinds.find(category);
  return found == kinds.end() ? std::nullopt : std::optional(found->second);
}

/// Reads the events one by one. Times are microseconds until all are known.
class reader {
 public:
  explicit reader(trace_file& out) : out_(out) { name(""); }

  void read(const json& event, std::size_t index) {
    index_ = index;
    if (!event.is_object()) fail("is no object");
    const std::string phase = text_of(event, "ph");
    const std::string category = text_of(event, "cat");
    if (phase == "M") {
      if (text_of(event, "name") == "thread_name") name_lane(event);
    } else if (phase == "X" && span_kind_of(category)) {
      read_span(event, *span_kind_of(category));
    } else if ((phase == "i" || phase == "I") && mark_kind_of(category)) {
      read_mark(event, *mark_kind_of(category));
    } else if ((phase == "s" || phase == "f") && mark_kind_of(category)) {
      read_flow(event, *mark_kind_of(category), phase == "s");
    } else {
      ++out_.ignored;
    }
  }

  void finish() {
    settle_times();
    sort_lanes();
    std::sort(out_.spans.begin(), out_.spans.end(), [](const trace_file::span& a, const trace_file::span& b) {
      return std::tuple(a.lane, a.start, -a.end) < std::tuple(b.lane, b.start, -b.end);
    });
    std::sort(out_.marks.begin(), out_.marks.end(), [](const trace_file::mark& a, const trace_file::mark& b) {
      return std::tuple(a.at, a.lane, a.kind, a.flow) < std::tuple(b.at, b.lane, b.kind, b.flow);
    });
    for (const auto& [text, number] : names_) out_.names[number] = text;
    shorten_names();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw bad_trace(fmt::format("event {} {}; this is no trace that treadle wrote", index_, what));
  }

  double time(const json& event, const char* key) {
    const auto found = event.find(key);
    if (found == event.end() || !found->is_number()) fail(fmt::format("has no {}", key));
    const double value = found->get<double>();
    if (!(std::abs(value) <= most_us)) fail(fmt::format("has a {} that is no time", key));
    return value;
  }

  std::int64_t thread(const json& event) const {
    const std::int64_t found = number_of(event, "tid", -1);
    if (found < 0 || found > most_thread) fail("has no tid");
    return found;
  }

  std::uint32_t lane(std::int64_t of_thread) {
    const auto [at, is_new] = lanes_.try_emplace(of_thread, static_cast<std::uint32_t>(out_.lanes.size()));
    if (is_new) out_.lanes.push_back({of_thread, ""});
    return at->second;
  }

  std::uint32_t name(const std::string& text) {
    const auto [at, is_new] = names_.try_emplace(text, static_cast<std::uint32_t>(names_.size()));
    if (is_new) out_.names.emplace_back();
    return at->second;
  }

  static const json& arguments(const json& event) {
    static const json none = json::object();
    const auto found = event.find("args");
    return found != event.end() && found->is_object() ? *found : none;
  }

  void name_lane(const json& event) { out_.lanes[lane(thread(event))].name = text_of(arguments(event), "name"); }

  void read_span(const json& event, trace_file::span_kind kind) {
    const json& more = arguments(event);
    std::string called = text_of(more, kind == trace_file::span_kind::park ? "reason" : "site");
    if (kind == trace_file::span_kind::blocked && called.empty()) {
      called = text_of(more, "in");
      if (const std::string of = text_of(more, "of"); !of.empty()) called += " of " + brief(of);
    }
    if (called.empty() && kind == trace_file::span_kind::run) called = text_of(event, "name");
    trace_file::span made;
    made.lane = lane(thread(event));
    made.kind = kind;
    made.name = name(called);
    made.flow = number_of(more, "flow", -1);
    const double start = time(event, "ts"), length = time(event, "dur");
    if (length < 0) fail("ends before it begins");
    span_times_.emplace_back(start, start + length);
    out_.spans.push_back(made);
  }

  void read_mark(const json& event, trace_file::mark_kind kind) {
    const json& more = arguments(event);
    trace_file::mark made;
    made.lane = lane(thread(event));
    made.kind = kind;
    made.from = lane_of_argument(more, "from");
    made.to = lane_of_argument(more, "to");
    made.name = name(text_of(more, "site"));
    made.flow = number_of(more, "flow", -1);
    mark_times_.push_back(time(event, "ts"));
    out_.marks.push_back(made);
  }

  std::int64_t lane_of_argument(const json& more, const char* key) {
    const std::int64_t found = number_of(more, key, -1);
    return found < 0 || found > most_thread ? std::int64_t{-1} : std::int64_t{lane(found)};
  }

  void read_flow(const json& event, trace_file::mark_kind kind, bool begins) {
    const std::pair key(kind, flow_key(event));
    const double at = time(event, "ts");
    const std::uint32_t here = lane(thread(event));
    if (begins) {
      open_flows_[key] = {here, at};
      return;
    }
    const auto begun = open_flows_.find(key);
    if (begun == open_flows_.end()) return;  // it began before the trace
    out_.arrows.push_back({kind, begun->second.first, 0, here, 0});
    arrow_times_.emplace_back(begun->second.second, at);
    open_flows_.erase(begun);
  }

  /// Counts from the first event, in nanoseconds.
  void settle_times() {
    double first = std::numeric_limits<double>::infinity(), last = -first;
    const auto widen = [&](double at) { first = std::min(first, at), last = std::max(last, at); };
    for (const auto& [start, end] : span_times_) widen(start), widen(end);
    for (const double at : mark_times_) widen(at);
    for (const auto& [from, to] : arrow_times_) widen(from), widen(to);
    if (first > last) return;
    if ((last - first) * 1e3 >= static_cast<double>(most_ns))
      throw bad_trace("its events are more than a hundred days apart");
    const auto ns = [first](double at) { return static_cast<std::int64_t>(std::llround((at - first) * 1e3)); };
    for (std::size_t i = 0; i < out_.spans.size(); ++i) {
      out_.spans[i].start = ns(span_times_[i].first);
      out_.spans[i].end = ns(span_times_[i].second);
    }
    for (std::size_t i = 0; i < out_.marks.size(); ++i) out_.marks[i].at = ns(mark_times_[i]);
    for (std::size_t i = 0; i < out_.arrows.size(); ++i) {
      out_.arrows[i].from_at = ns(arrow_times_[i].first);
      out_.arrows[i].to_at = ns(arrow_times_[i].second);
    }
    out_.duration = ns(last);
  }

  /// Leaves the directory of a source file out where nothing else is called the same without it.
  void shorten_names() {
    std::unordered_map<std::string, std::uint32_t> same;
    for (const std::string& each : out_.names) ++same[brief(each)];
    for (std::string& each : out_.names) {
      if (same[brief(each)] == 1) each = brief(each);
    }
  }

  void sort_lanes() {
    std::vector<std::uint32_t> place(out_.lanes.size());
    std::vector<trace_file::lane> sorted;
    for (const auto& [of_thread, old] : lanes_) {
      place[old] = static_cast<std::uint32_t>(sorted.size());
      sorted.push_back(std::move(out_.lanes[old]));
      if (sorted.back().name.empty()) sorted.back().name = fmt::format("worker {}", of_thread);
    }
    out_.lanes = std::move(sorted);
    const auto move = [&](std::int64_t& each) { each = each < 0 ? each : place[static_cast<std::size_t>(each)]; };
    for (trace_file::span& each : out_.spans) each.lane = place[each.lane];
    for (trace_file::mark& each : out_.marks) {
      each.lane = place[each.lane];
      move(each.from);
      move(each.to);
    }
    for (trace_file::arrow& each : out_.arrows) {
      each.from_lane = place[each.from_lane];
      each.to_lane = place[each.to_lane];
    }
  }

  trace_file& out_;
  std::size_t index_ = 0;
  std::map<std::int64_t, std::uint32_t> lanes_;
  std::unordered_map<std::string, std::uint32_t> names_;
  std::map<std::pair<trace_file::mark_kind, std::string>, std::pair<std::uint32_t, double>> open_flows_;
  std::vector<std::pair<double, double>> span_times_;
  std::vector<double> mark_times_;
  std::vector<std::pair<double, double>> arrow_times_;
};

json parse_json(const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) throw bad_trace("is empty; the program wrote no trace");
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    const bool is_followed = std::string_view(error.what()).find("; expected end of input") != std::string_view::npos;
    if (error.byte >= text.size() && !is_followed) {
      throw bad_trace(fmt::format("breaks off after {} bytes; let the program finish writing it", text.size()));
    }
    throw bad_trace(fmt::format("is no JSON at byte {}; give a trace that treadle wrote", error.byte));
  } catch (const json::out_of_range&) {
    throw bad_trace("has a number beyond all times; give a trace that treadle wrote");
  }
}

}  // namespace

trace_file trace_file::parse(const std::string& text) {
  const json whole = parse_json(text);
  const json* events = nullptr;
  trace_file out;
  if (whole.is_object()) {
    const auto found = whole.find("traceEvents");
    if (found != whole.end() && found->is_array()) events = &*found;
    if (const auto other = whole.find("otherData"); other != whole.end() && other->is_object()) {
      out.version = text_of(*other, "treadle");
      out.pool = text_of(*other, "pool");
      out.workers = number_of(*other, "workers", 0);
    }
  } else if (whole.is_array()) {
    events = &whole;
  }
  if (events == nullptr) throw bad_trace("has no traceEvents; give a trace that treadle wrote");
  reader each(out);
  for (std::size_t i = 0; i < events->size(); ++i) each.read((*events)[i], i);
  each.finish();
  return out;
}

}  // namespace tool
