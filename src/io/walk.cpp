#include "off_worker.hpp"

#include <treadle/io/walk.hpp>

namespace treadle::io {

using detail::at_disk;
using detail::off_worker;

namespace {

/// A link that leads nowhere, or round in a circle, is a link and no failure.
bool leads_nowhere(const std::error_code& why) noexcept {
  return why == std::errc::no_such_file_or_directory || why == std::errc::too_many_symbolic_link_levels ||
         why == std::errc::not_a_directory;
}

}  // namespace

/// Opens the directory that `path_` ends with.
result<void> walk::enter() {
  const detail::directory_reader* const within = levels_.empty() ? nullptr : &levels_.back().reader;
  const bool follows = how_.follow_links || levels_.empty();
  result<detail::directory_reader> opened =
      detail::directory_reader::open(within, path_.c_str() + name_begins_, follows);
  if (!opened) return opened.error();
  level entered{*std::move(opened), path_.size(), {}};
  if (how_.follow_links) {
    const auto which = entered.reader.which();
    if (!which) return which.error();
    entered.which = *which;
    for (const level& above : levels_) {
      if (above.which == entered.which) return std::make_error_code(std::errc::too_many_symbolic_link_levels);
    }
  }
  levels_.push_back(std::move(entered));
  return {};
}

walk_entry walk::describe(const directory_entry& found) {
  const level& in = levels_.back();
  path_.resize(in.path_bytes);
  if (!path_.empty() && path_.back() != '/') path_ += '/';
  name_begins_ = path_.size();
  path_ += found.name;
  walk_entry made{path_, found.what, levels_.size(), {}};
  const bool is_link = found.what == directory_entry::kind::link && how_.follow_links;
  if (found.what == directory_entry::kind::unknown || is_link) {
    // Asked whatever was requested meanwhile: the entry is taken.
    const auto asked = at_disk([&] { return in.reader.kind_at(found.name.c_str(), how_.follow_links); });
    if (asked) {
      made.what = *asked;
    } else if (!is_link || !leads_nowhere(asked.error())) {
      made.error = asked.error();
    }
  }
  enters_ = made.what == directory_entry::kind::directory && levels_.size() < how_.most_levels;
  return made;
}

coro::task<result<std::optional<walk_entry>>> walk::next() {
  if (!has_begun_ || enters_) {
    if (!detail::is_path(path_)) co_return std::make_error_code(std::errc::invalid_argument);
    const result<void> entered = off_worker([&] { return enter(); });
    if (!entered && (!has_begun_ || entered.error() == errc::cancelled)) co_return entered.error();
    const bool is_root = !std::exchange(has_begun_, true);
    enters_ = false;
    if (!entered && !is_root) {
      co_return std::optional(walk_entry{path_, directory_entry::kind::directory, levels_.size(), entered.error()});
    }
  }
  while (!levels_.empty()) {
    level& in = levels_.back();
    if (const std::optional<directory_entry> found = in.reader.pop()) co_return std::optional(describe(*found));
    if (in.reader.is_over()) {
      levels_.pop_back();
      continue;
    }
    const result<void> read = off_worker([&] { return in.reader.fill(); });
    if (!read && read.error() == errc::cancelled) co_return read.error();
    if (!read) {
      path_.resize(in.path_bytes);
      co_return std::optional(walk_entry{path_, directory_entry::kind::directory, levels_.size() - 1, read.error()});
    }
  }
  co_return std::optional<walk_entry>{};
}

}  // namespace treadle::io
