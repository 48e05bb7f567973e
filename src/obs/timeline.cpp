#include "timeline.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <unordered_map>

namespace treadle::obs {

namespace {

using detail::flight_kind;
using detail::park_reason;

/// The waker does not know whom it wakes: whoever sleeps in the driver.
constexpr std::uint64_t any_in_driver = UINT32_MAX;

/// The spans of one worker. They nest: what runs in the middle of something else ends before that.
class worker_spans {
 public:
  worker_spans(std::uint32_t worker, std::vector<span>& into) noexcept : worker_(worker), into_(into) {}

  void take(const happening& next) {
    switch (next.kind) {
      case flight_kind::run:
        end_above_group(next);
        open(span::kind::run, next);
        break;
      case flight_kind::enter:
        next.detail != 0 ? open(span::kind::run, next) : open_.push_back(group);
        break;
      case flight_kind::blocked:
        open(span::kind::blocked, next);
        break;
      case flight_kind::leave:
        end_above_group(next);
        if (!open_.empty() && open_.back() == group) open_.pop_back();
        break;
      case flight_kind::unblocked:
        end(next, span::kind::blocked);
        break;
      case flight_kind::park:
        end_all(next);
        open(span::kind::park, next);
        break;
      case flight_kind::search:
      case flight_kind::up:
      case flight_kind::gone:
        end_all(next);
        break;
      default:
        break;
    }
  }
  /// What has no end yet goes on until now.
  void finish(double now_us) {
    for (const std::size_t each : open_) {
      if (each != group) into_[each].open = true;
    }
    happening now;
    now.at_us = now_us;
    end_all(now);
  }

 private:
  static constexpr std::size_t group = SIZE_MAX;

  void open(span::kind is, const happening& from) {
    span made;
    made.is = is;
    made.worker = worker_;
    made.begin_us = made.end_us = from.at_us;
    made.exact = from.exact;
    made.why = from.small;
    made.site = from.detail;
    made.task = from.address;
    open_.push_back(into_.size());
    into_.push_back(made);
  }
  void end_top(const happening& by) {
    if (open_.back() != group) {
      into_[open_.back()].end_us = by.at_us;
      into_[open_.back()].exact_end = by.exact;
    }
    open_.pop_back();
  }
  /// One task ends where the next begins; in the middle of another that is the innermost group's. A single one in
  /// place is ended by `leave`, and with it what blocked in it.
  void end_above_group(const happening& by) {
    while (!open_.empty() && open_.back() != group) {
      const bool is_run = into_[open_.back()].is == span::kind::run;
      end_top(by);
      if (is_run) break;
    }
  }
  void end(const happening& by, span::kind is) {
    if (!open_.empty() && open_.back() != group && into_[open_.back()].is == is) end_top(by);
  }
  void end_all(const happening& by) {
    while (!open_.empty()) end_top(by);
  }

  std::uint32_t worker_;
  std::vector<span>& into_;
  std::vector<std::size_t> open_;
};

/// Where in the timeline something has its number: what queued a task, and what ran it.
struct end_of_flow {
  double at_us = 0;
  std::uint32_t worker = 0;
  bool is_run = false;
  std::size_t index = 0;  ///< among the spans, or the points
};

/// Gives tasks that were queued and their runs a number in common. A task's address is all that they share, and
/// addresses come again: so each run belongs to the last that queued it before.
void join_tasks(timeline& of) {
  std::unordered_map<std::uint64_t, std::vector<end_of_flow>> by_task;
  for (std::size_t i = 0; i < of.points.size(); ++i) {
    const point& each = of.points[i];
    const bool queues =
        each.kind == flight_kind::schedule || each.kind == flight_kind::timer || each.kind == flight_kind::io_end;
    if (queues) by_task[each.task].push_back({each.at_us, each.worker, false, i});
  }
  for (std::size_t i = 0; i < of.spans.size(); ++i) {
    const span& each = of.spans[i];
    if (each.is == span::kind::run) by_task[each.task].push_back({each.begin_us, each.worker, true, i});
  }
  std::uint64_t flow = 0;
  for (auto& [task, ends] : by_task) {
    std::sort(ends.begin(), ends.end(), [](const end_of_flow& a, const end_of_flow& b) {
      return std::tuple(a.at_us, a.is_run, a.index) < std::tuple(b.at_us, b.is_run, b.index);
    });
    const end_of_flow* queued = nullptr;
    for (const end_of_flow& each : ends) {
      if (!each.is_run) {
        of.points[each.index].flow = ++flow;
        queued = &each;
        continue;
      }
      span& run = of.spans[each.index];
      if (queued == nullptr) {
        run.flow = ++flow;
        continue;
      }
      const point& cause = of.points[queued->index];
      run.flow = cause.flow;
      // An intrusive task does not know where it was scheduled; who scheduled it does.
      const detail::site_word known(run.site);
      if (known.is_function() && cause.detail != 0 && cause.kind == flight_kind::schedule) run.site = cause.detail;
      of.arrows.push_back({arrow::kind::schedule, run.flow, queued->worker, queued->at_us, each.worker, each.at_us,
                           cause.exact && run.exact});
      queued = nullptr;
    }
  }
  for (point& each : of.points) {
    if (each.kind != flight_kind::steal) continue;
    of.arrows.push_back({arrow::kind::steal, ++flow, each.other, each.at_us, each.worker, each.at_us, each.exact});
    each.flow = flow;
  }
  for (point& each : of.points) {
    if (each.kind == flight_kind::wake) each.flow = ++flow;
  }
}

struct got_up {
  double at_us = 0;
  std::uint32_t worker = 0;
  bool slept_in_driver = false;
  bool taken = false;
};

/// Joins each wake-up to the next getting up of whom it was for. Both have their times, and a waker's is read before it
/// wakes anybody.
void join_wakes(timeline& of, std::vector<got_up>& ups) {
  const auto earlier = [](const auto& a, const auto& b) { return a.at_us < b.at_us; };
  std::sort(ups.begin(), ups.end(), earlier);
  std::vector<point*> wakes;
  for (point& each : of.points) {
    if (each.kind == flight_kind::wake) wakes.push_back(&each);
  }
  std::sort(wakes.begin(), wakes.end(),
            [](const point* a, const point* b) { return std::tuple(a->at_us, a) < std::tuple(b->at_us, b); });
  for (point* const wake : wakes) {
    const bool any = wake->detail == any_in_driver;
    if (!any) wake->other = static_cast<std::uint32_t>(wake->detail);
    auto up = std::lower_bound(ups.begin(), ups.end(), got_up{wake->at_us}, earlier);
    while (up != ups.end() && (up->taken || (any ? !up->slept_in_driver : up->worker != wake->other))) ++up;
    if (up == ups.end()) continue;
    up->taken = true;
    wake->other = up->worker;
    of.arrows.push_back({arrow::kind::wake, wake->flow, wake->worker, wake->at_us, up->worker, up->at_us, wake->exact});
  }
}

}  // namespace

timeline make_timeline(const flight_reading& from) {
  timeline made;
  made.now_us = from.now_us;
  std::vector<got_up> ups;
  for (const track& each : from.tracks) {
    made.overwritten += each.overwritten;
    if (each.worker != flight_reading::outside) made.workers.push_back(each.worker);
    worker_spans spans(each.worker, made.spans);
    bool in_driver = false;
    for (const happening& next : each.all) {
      spans.take(next);
      switch (next.kind) {
        case flight_kind::park:
          in_driver = next.small == static_cast<std::uint32_t>(park_reason::io);
          break;
        case flight_kind::up:
          ups.push_back({next.at_us, each.worker, in_driver, false});
          break;
        case flight_kind::schedule:
        case flight_kind::expose:
        case flight_kind::steal:
        case flight_kind::wake:
        case flight_kind::timer:
        case flight_kind::io_begin:
        case flight_kind::io_end: {
          point seen{next.kind, each.worker, next.at_us, next.exact, next.small, next.detail, next.address, 0};
          if (next.kind == flight_kind::steal) seen.other = static_cast<std::uint32_t>(next.detail);
          made.points.push_back(seen);
          break;
        }
        default:
          break;
      }
    }
    spans.finish(from.now_us);
  }
  join_tasks(made);
  join_wakes(made, ups);
  // No effect is shown before its cause: the later of the two is the better known.
  for (arrow& each : made.arrows) each.from_us = std::min(each.from_us, each.to_us);
  return made;
}

}  // namespace treadle::obs
