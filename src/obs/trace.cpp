#include "../core/wait_names.hpp"
#include "../os/os.hpp"
#include "json_text.hpp"
#include "site_names.hpp"
#include "timeline.hpp"

#include <treadle/detail/sign.hpp>
#include <treadle/obs/write_trace.hpp>
#include <treadle/version.hpp>

#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>

namespace treadle::obs {

namespace {

using detail::flight_kind;
using detail::pool_core;

constexpr std::uint64_t process = 1;

constexpr std::array<std::string_view, 3> park_reasons = {"no work", "waits", "io"};
constexpr std::array<std::string_view, 3> arrow_names = {"schedule", "steal", "wake"};

std::string_view category_of(flight_kind kind) noexcept {
  switch (kind) {
    case flight_kind::schedule:
      return "schedule";
    case flight_kind::expose:
      return "expose";
    case flight_kind::steal:
      return "steal";
    case flight_kind::wake:
      return "wake";
    case flight_kind::timer:
      return "timer";
    default:
      return "io";
  }
}

/// The trace-event format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
class trace_writer {
 public:
  trace_writer(const timeline& from, double since_us) noexcept : from_(from), since_us_(since_us) {}

  std::string take(std::string_view pool) {
    text_.raw("{\"traceEvents\":[\n");
    name_process(pool);
    for (const std::uint32_t each : from_.workers) name_thread(each, "worker " + std::to_string(each));
    name_thread(flight_reading::outside, "outside");
    for (const span& each : from_.spans) {
      if (each.end_us >= since_us_) write(each);
    }
    for (const point& each : from_.points) {
      if (each.at_us >= since_us_) write(each);
    }
    for (const arrow& each : from_.arrows) {
      if (each.from_us >= since_us_) write(each);
    }
    text_.raw("\n],\n\"displayTimeUnit\":\"ns\",\n\"otherData\":").begin_object();
    text_.member("treadle", std::string_view(TREADLE_VERSION_STRING));
    text_.member("workers", std::uint64_t{from_.workers.size()});
    text_.member("pool", pool).member("overwritten", from_.overwritten).member_us("now", from_.now_us);
    text_.end_object().raw("}\n");
    return text_.take();
  }

 private:
  void begin(std::string_view phase, std::string_view category, std::string_view name, std::uint32_t worker,
             double at_us) {
    text_.begin_object().member("ph", phase).member("cat", category).member("name", name);
    text_.member("pid", process).member("tid", std::uint64_t{worker}).member_us("ts", at_us);
  }
  void name_process(std::string_view pool) {
    text_.begin_object().member("ph", std::string_view("M")).member("name", std::string_view("process_name"));
    text_.member("pid", process).begin_member("args").member("name", pool).end_object().end_object();
  }
  void name_thread(std::uint32_t worker, std::string_view name) {
    text_.begin_object().member("ph", std::string_view("M")).member("name", std::string_view("thread_name"));
    text_.member("pid", process).member("tid", std::uint64_t{worker});
    text_.begin_member("args").member("name", name).end_object().end_object();
  }

  void write(const span& each) {
    switch (each.is) {
      case span::kind::run: {
        const site_name& site = names_.of(each.site);
        begin("X", "run", site.brief, each.worker, each.begin_us);
        text_.member_us("dur", each.end_us - each.begin_us).begin_member("args");
        text_.member("flow", each.flow).member("site", site.full);
        if (!each.exact) text_.member("about", true);
        break;
      }
      case span::kind::park:
        begin("X", "park", "parked", each.worker, each.begin_us);
        text_.member_us("dur", each.end_us - each.begin_us).begin_member("args");
        text_.member("reason", park_reasons[each.why < park_reasons.size() ? each.why : 0]);
        break;
      case span::kind::blocked:
        begin("X", "blocked", "blocked", each.worker, each.begin_us);
        text_.member_us("dur", each.end_us - each.begin_us).begin_member("args");
        text_.member("in", detail::name_of(static_cast<detail::wait_kind>(each.why)));
        if (each.site != 0) text_.member("of", names_.of(each.site).full);
        break;
    }
    if (each.open) text_.member("open", true);
    text_.end_object().end_object();
  }

  void write(const point& each) {
    const std::string_view category = category_of(each.kind);
    begin("i", category, category, each.worker, each.at_us);
    text_.member("s", std::string_view("t")).begin_member("args");
    switch (each.kind) {
      case flight_kind::schedule:
        text_.member("flow", each.flow).member("site", names_.of(each.detail).full);
        if (each.count > 1) text_.member("count", std::uint64_t{each.count});
        break;
      case flight_kind::expose:
        text_.member("count", std::uint64_t{each.count});
        break;
      case flight_kind::steal:
        text_.member("from", std::uint64_t{each.other}).member("to", std::uint64_t{each.worker});
        text_.member("what", std::string_view(each.count != 0 ? "tasks" : "fork"));
        text_.member("count", std::uint64_t{each.count != 0 ? each.count : 1});
        break;
      case flight_kind::wake:
        text_.member("from", std::uint64_t{each.worker});
        if (each.other != point::no_other) text_.member("to", std::uint64_t{each.other});
        break;
      case flight_kind::io_begin:
        text_.member("what", std::string_view("begin")).member("descriptor", each.detail);
        break;
      case flight_kind::io_end:
        text_.member("what", std::string_view("end")).member("flow", each.flow);
        break;
      default:
        text_.member("flow", each.flow);
        break;
    }
    text_.end_object().end_object();
  }

  void write(const arrow& each) {
    const std::string_view name = arrow_names[static_cast<std::size_t>(each.is)];
    begin("s", name, name, each.from, each.from_us);
    text_.member("id", each.flow).end_object();
    begin("f", name, name, each.to, each.to_us);
    text_.member("id", each.flow).member("bp", std::string_view("e")).end_object();
  }

  const timeline& from_;
  const double since_us_;
  json_text text_;
  site_names names_;
};

std::string trace_of(const pool_core& pool, std::chrono::nanoseconds last) {
  timeline seen;
  if (pool.is_started()) seen = make_timeline(read_flight(pool));
  const double last_us = std::chrono::duration<double, std::micro>(last).count();
  const char* const name = pool.config().name;
  return trace_writer(seen, seen.now_us - last_us).take(name != nullptr ? name : "treadle");
}

}  // namespace

std::error_code write_trace(thread_pool& pool, int descriptor, std::chrono::nanoseconds last) {
  if (pool.core().is_inherited()) return errc::inherited_by_fork;
  const std::string text = trace_of(pool.core(), last);
  return {-detail::os::write_all(descriptor, text.data(), text.size()), std::system_category()};
}

std::string last_trace_of(const pool_core& ended) { return trace_of(ended, std::chrono::nanoseconds::max()); }

void write_trace(thread_pool& pool, std::ostream& into, std::chrono::nanoseconds last) {
  if (pool.core().is_inherited()) {
    into.setstate(std::ios_base::failbit);
    return;
  }
  const std::string text = trace_of(pool.core(), last);
  into.write(text.data(), static_cast<std::streamsize>(text.size()));
}

}  // namespace treadle::obs
