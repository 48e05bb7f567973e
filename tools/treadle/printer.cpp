#include "printer.hpp"

#include "job.hpp"
#include "text.hpp"
#include "work.hpp"

#include <algorithm>
#include <utility>

namespace tool {

namespace {

constexpr std::size_t flush_bytes = 64 * 1024;

void append_verdict(std::string& text, std::string_view folder_path, const entry& of) {
  const std::string path = std::string(folder_path) + std::string(of.name());
  if (path.find('\n') != path.npos) {
    text += '\\';
    append_escaped(text, path);
  } else {
    text += path;
  }
  const entry_state state = of.state;
  text += state == entry_state::hashed   ? ": OK\n"
          : state == entry_state::failed ? ": FAILED open or read\n"
                                         : ": FAILED\n";
}

void append_record(std::string& text, bool is_check, std::string_view folder_path, const entry& of) {
  text += ",\n{";
  append_json_path(text, std::string(folder_path) + std::string(of.name()));
  const entry_state state = of.state;
  if (is_check) {
    text += ",\"status\":\"";
    text += state == entry_state::hashed ? "ok" : state == entry_state::failed ? "unreadable" : "mismatch";
  } else {
    text += ",\"sha256\":\"";
    append_hex(text, of.sum);
  }
  text += "\"}";
}

}  // namespace

void append_result(std::string& text, const job& work, std::string_view folder_path, const entry& of) {
  const bool is_check = work.options.is_check;
  if (of.state == entry_state::failed && !is_check) return;
  if (work.options.wants_json) {
    append_record(text, is_check, folder_path, of);
  } else if (is_check) {
    append_verdict(text, folder_path, of);
  } else {
    append_sum_line(text, of.sum, folder_path, of.name());
  }
}

void printer::start(folder& root, std::vector<bool> joins_previous) {
  at_ = &root;
  joins_previous_ = std::move(joins_previous);
  advance();
}

void printer::advance() {
  for (;;) {
    if (at_->next_printed == at_->order.size()) {
      const bool was_root = at_->is_root();
      leave();
      if (was_root) return;
      continue;
    }
    entry& next = *at_->order[at_->next_printed];
    if (!next.is_settled()) {
      flush();  // before somebody else may be at it
      entry_state seen = entry_state::pending;
      if (next.state.compare_exchange_strong(seen, entry_state::awaited)) return;
    }
    ++at_->next_printed;
    if (next.kind != entry_kind::directory) {
      if (at_->is_root() && joins_next(at_->next_printed - 1)) is_collecting_ = true;
      print(next);
    } else if (next.state == entry_state::listed) {
      if (at_->is_root() && joins_next(at_->next_printed - 1)) is_collecting_ = true;
      at_ = next.inside;
      path_ += at_->name;
      continue;
    }
    if (at_->is_root()) flush_group();
  }
}

void printer::leave() {
  folder& done = *at_;
  at_ = done.parent;
  if (at_ == nullptr) {
    flush();
  } else {
    path_.resize(at_->path_length);
    if (at_->is_root()) flush_group();
  }
  release_owner(done);
}

bool printer::joins_next(std::size_t root_entry) const noexcept {
  return root_entry + 1 < joins_previous_.size() && joins_previous_[root_entry + 1];
}

void printer::print(const entry& file) {
  printed_allowance_ += waiting_allowance(at_->path_length, file);
  if (is_collecting_) {
    group_.push_back({path_ + std::string(file.name()), file.sum, file.state});
    return;
  }
  append_result(text_, work_, path_, file);
  if (text_.size() >= flush_bytes) flush();
}

/// At the end of a root entry: prints the group that ends with it, if one does.
void printer::flush_group() {
  if (!is_collecting_ || joins_next(at_->next_printed - 1)) return;
  is_collecting_ = false;
  std::sort(group_.begin(), group_.end(), [](const collected& a, const collected& b) { return a.path < b.path; });
  for (const collected& each : std::exchange(group_, {})) {
    entry file;
    file.name_bytes = each.path.data();
    file.name_length = static_cast<std::uint32_t>(each.path.size());
    file.sum = each.sum;
    file.state = each.state;
    append_result(text_, work_, "", file);
    if (text_.size() >= flush_bytes) flush();
  }
}

void printer::flush() {
  if (printed_allowance_ != 0) work_.workers.hold(std::exchange(printed_allowance_, 0));
  if (text_.empty()) return;
  if (work_.options.wants_json) {
    work_.sink.append_records(text_);
  } else {
    work_.sink.append(text_);
  }
  text_.clear();
}

}  // namespace tool
