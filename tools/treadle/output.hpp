#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace tool {

/// Standard output. Any thread appends; the main thread writes, so that a slow reader does not hold a worker up until
/// `buffer_limit` bytes wait. From then on who appends writes, which slows the workers down to the reader's speed.
class output {
 public:
  explicit output(int fd) noexcept : fd_(fd) {}

  /// Queues whole lines.
  void append(std::string_view text);
  /// Queues JSON records, each with a leading comma; the first record of all loses it.
  void append_records(std::string_view text);

  /// Says that nothing follows, and wakes the main thread.
  void finish();
  /// Sleeps until something can be written, all is finished, or `timeout` has passed; then writes. Main thread only.
  /// Returns true when all is finished and written, or writing failed.
  bool write_what_is_there(std::chrono::milliseconds timeout);
  /// Writes what is left. Main thread only.
  void flush();

  /// Returns the errno of the first write that failed, or 0.
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  static constexpr std::size_t buffer_limit = 1024 * 1024;

  void append_locked(std::string_view text, std::unique_lock<std::mutex>& lock);
  void write_all(std::string_view text);

  std::mutex lock_;     ///< for the buffer
  std::mutex writing_;  ///< for the file descriptor, so that blocks do not overtake one another; taken first
  std::condition_variable changed_;
  std::string buffer_;
  bool is_finished_ = false;
  bool is_writer_asleep_ = false;
  bool has_records_ = false;
  std::atomic<int> error_{0};
  int fd_;
};

/// Standard error: one line a fault, kept apart from the progress bar. Any thread.
class complaints {
 public:
  struct record {
    std::string path;
    std::string message;
  };

  explicit complaints(bool keep_records) noexcept : keeps_records_(keep_records) {}

  /// Prints that this file or directory could not be read, and counts it.
  void unreadable(std::string_view path, std::string_view message);
  /// Prints a line that is about no single file. Whatever the message quotes, a terminal obeys nothing of it.
  void note(std::string_view message);
  /// Replaces the line of the progress bar; empty takes it away.
  void show_bar(std::string_view bar);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// The faults so far, for the JSON report. Only when no thread reports any more.
  [[nodiscard]] const auto& records() const noexcept { return records_; }

 private:
  void print_line(const std::string& line);

  std::mutex lock_;
  std::string bar_;
  std::deque<record> records_;
  std::atomic<std::uint64_t> count_{0};
  bool keeps_records_;
};

}  // namespace tool
