#include "output.hpp"

#include "text.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace tool {

namespace {

/// How long lines gather before they are written: one write and one wake-up for some thousand of them, and still
/// at once for whoever watches.
constexpr std::chrono::milliseconds gather_time{3};

int write_fully(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return 0;
}

}  // namespace

void output::append(std::string_view text) {
  std::unique_lock lock(lock_);
  append_locked(text, lock);
}

void output::append_records(std::string_view text) {
  if (text.empty()) return;
  std::unique_lock lock(lock_);
  if (!has_records_) text.remove_prefix(1);
  has_records_ = true;
  append_locked(text, lock);
}

void output::append_locked(std::string_view text, std::unique_lock<std::mutex>& lock) {
  if (error_ != 0) return;
  buffer_ += text;
  if (std::exchange(is_writer_asleep_, false)) changed_.notify_one();
  if (buffer_.size() < buffer_limit) return;
  lock.unlock();
  flush();
}

void output::flush() {
  const std::lock_guard order(writing_);
  std::string taken;
  {
    const std::lock_guard lock(lock_);
    taken.swap(buffer_);
  }
  write_all(taken);
}

void output::write_all(std::string_view text) {
  if (error_ != 0) return;
  if (const int error = write_fully(fd_, text); error != 0) {
    error_ = error;
    const std::lock_guard lock(lock_);
    changed_.notify_one();
  }
}

void output::finish() {
  const std::lock_guard lock(lock_);
  is_finished_ = true;
  changed_.notify_one();
}

bool output::write_what_is_there(std::chrono::milliseconds timeout) {
  bool is_last = false;
  {
    std::unique_lock lock(lock_);
    const auto has_reason = [&] { return !buffer_.empty() || is_finished_ || error_ != 0; };
    is_writer_asleep_ = true;
    changed_.wait_for(lock, timeout, has_reason);
    is_writer_asleep_ = false;
    if (!is_finished_ && !buffer_.empty()) changed_.wait_for(lock, gather_time, [&] { return is_finished_; });
    is_last = is_finished_;
  }
  flush();
  return is_last || error_ != 0;
}

void complaints::unreadable(std::string_view path, std::string_view message) {
  ++count_;
  const std::lock_guard lock(lock_);
  if (keeps_records_) records_.push_back({std::string(path), std::string(message)});
  print_line("treadle: " + readable(path) + ": " + printable(message) + '\n');
}

void complaints::note(std::string_view message) {
  const std::lock_guard lock(lock_);
  print_line("treadle: " + printable(message) + '\n');
}

void complaints::print_line(const std::string& line) {
  const std::string text = bar_.empty() ? line : "\r\033[K" + line + bar_;
  write_fully(STDERR_FILENO, text);
}

void complaints::show_bar(std::string_view bar) {
  const std::lock_guard lock(lock_);
  if (bar.empty() && bar_.empty()) return;
  bar_ = bar;
  write_fully(STDERR_FILENO, "\r\033[K" + bar_);
}

}  // namespace tool
