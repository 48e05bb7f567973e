#include "crew.hpp"

#include "work.hpp"

#include <algorithm>

namespace tool {

namespace {

constexpr std::uint32_t tasks_per_worker = 4;
/// A file this large is a task of its own, and can be taken out of turn.
constexpr std::uint64_t large_bytes = 1024 * 1024;
/// What opening a file costs, in bytes hashed in that time.
constexpr std::uint64_t bytes_per_open = 4096;

/// Below the first all workers walk, if there is anything to walk; above the second none does.
constexpr std::uint64_t few_files = 4096;
constexpr std::uint64_t many_files = 256 * 1024;
constexpr std::uint64_t many_files_unsorted = 16 * 1024;
/// Directories cost memory beside their files; with so much of it the walk waits until more is printed.
constexpr std::int64_t most_held_bytes = 36 * 1024 * 1024;

}  // namespace

crew::crew(treadle::thread_pool& pool, bool is_unsorted)
    : pool_(pool), workers_(pool.worker_limit()), is_unsorted_(is_unsorted) {}

std::uint64_t crew::cost(const chunk& of) noexcept { return of.bytes + of.files * bytes_per_open; }

std::error_code crew::feed() {
  treadle::batch next;
  {
    const std::lock_guard lock(lock_);
    fill(next);
  }
  return next.empty() ? std::error_code() : pool_.schedule(next);
}

void crew::add_walk(folder& read) {
  const std::lock_guard lock(lock_);
  walk_.push_back(&read);
}

void crew::add_files(segment& with_chunks) {
  const std::lock_guard lock(lock_);
  for (chunk& each : with_chunks.chunks) {
    each.before = newest_;
    each.after = nullptr;
    (newest_ != nullptr ? newest_->after : oldest_) = &each;
    newest_ = &each;
    if (each.bytes >= large_bytes && each.files == 1) large_.insert(&each);
    known_files_ += each.files;
    queued_cost_ += cost(each);
  }
}

bool crew::end_walk_task() {
  std::unique_lock lock(lock_);
  --walking_;
  return end_task_locked(lock);
}

bool crew::end_task(std::uint32_t files) {
  std::unique_lock lock(lock_);
  known_files_ -= files;
  return end_task_locked(lock);
}

bool crew::end_task_locked(std::unique_lock<std::mutex>& lock) {
  --in_pool_;
  treadle::batch next;
  fill(next);
  const bool is_last = in_pool_ == 0;
  lock.unlock();
  // A worker of a pool that nobody shuts down is never refused.
  if (!next.empty() && pool_.schedule(next)) std::terminate();
  return is_last;
}

bool crew::may_walk() const noexcept {
  if (walk_.empty()) return false;
  if (in_pool_ == 0 && oldest_ == nullptr) return true;  // whoever is waited for lies ahead
  if (held_bytes_ > most_held_bytes) return false;
  if (known_files_ < few_files || oldest_ == nullptr) return walking_ < workers_;
  return known_files_ < (is_unsorted_ ? many_files_unsorted : many_files) && walking_ < (workers_ + 1) / 2;
}

void crew::fill(treadle::batch& next) {
  while (in_pool_ < workers_ * tasks_per_worker) {
    if (may_walk()) {
      if (folder* const found = next_folder()) {
        next.push(*found);
        ++walking_;
        ++in_pool_;
      }
    } else if (oldest_ != nullptr) {
      next.push(*next_chunk());
      ++in_pool_;
    } else {
      break;
    }
  }
  is_walk_over_ = walking_ == 0 && walk_.empty();
}

/// Takes the deepest directory to read; null if there turned out to be none.
folder* crew::next_folder() {
  while (!walk_.empty()) {
    folder& deepest = *walk_.back();
    if (folder* const child = open_next_child(deepest)) return child;
    walk_.pop_back();
    if (!deepest.is_listed) return &deepest;
    release_user(deepest);
  }
  return nullptr;
}

folder* crew::open_next_child(folder& above) {
  if (is_unsorted_) {
    while (above.segments != nullptr) {
      segment& read = *above.segments;
      while (read.next_child < read.count) {
        entry& each = read.entries[read.next_child++];
        if (each.kind == entry_kind::directory) return make_child(above, each);
      }
      static_cast<void>(above.segments.release());
      above.segments = std::move(read.following);
      if (above.segments == nullptr) above.last_segment = nullptr;
      release_segment(read);
    }
    return nullptr;
  }
  if (!above.is_listed) return nullptr;
  while (above.next_child < above.order.size()) {
    entry& each = *above.order[above.next_child++];
    if (each.kind == entry_kind::directory) return make_child(above, each);
  }
  return nullptr;
}

chunk* crew::next_chunk() {
  chunk* taken = oldest_;
  if (!large_.empty() && cost(**large_.begin()) * workers_ >= queued_cost_) taken = *large_.begin();
  unlink(*taken);
  return taken;
}

void crew::unlink(chunk& taken) {
  (taken.before != nullptr ? taken.before->after : oldest_) = taken.after;
  (taken.after != nullptr ? taken.after->before : newest_) = taken.before;
  large_.erase(&taken);
  queued_cost_ -= cost(taken);
}

}  // namespace tool
