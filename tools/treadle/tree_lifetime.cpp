#include "job.hpp"
#include "work.hpp"

#include <unistd.h>

#include <algorithm>

namespace tool {

folder* make_root(job& work) {
  auto* const root = new folder;
  root->work = &work;
  root->fd = AT_FDCWD;
  root->is_listed = true;
  if (work.options.is_unsorted) root->owners = 1;
  return root;
}

folder* make_child(folder& above, entry& as) {
  auto* const made = new folder;
  made->callback = list_folder;
  made->work = above.work;
  made->parent = &above;
  made->name = as.name();
  if (made->name.back() != '/') made->name += '/';
  made->path_length = above.path_length + static_cast<std::uint32_t>(made->name.size());
  if (above.work->options.is_unsorted) {
    made->owners = 1;
  } else {
    made->as_entry = &as;
    as.inside = made;
  }
  ++above.users;
  above.work->workers.hold(static_cast<std::int64_t>(sizeof(folder) + made->name.capacity()));
  return made;
}

segment* append_segment(folder& into, std::unique_ptr<segment> made) {
  segment* const added = made.get();
  ++into.users;
  if (into.work->options.is_unsorted) {
    const auto is_directory = [](const entry& each) { return each.kind == entry_kind::directory; };
    if (std::none_of(&made->entries[0], &made->entries[0] + made->count, is_directory)) return made.release();
    ++added->users;  // the walk, which opens those
  }
  (into.last_segment != nullptr ? into.last_segment->following : into.segments) = std::move(made);
  into.last_segment = added;
  return added;
}

void release_user(folder& held) {
  folder* last = &held;
  while (last != nullptr && --last->users == 0) {
    folder* const parent = last->parent;
    if (last->keeps_fd) {
      ::close(last->fd);
      ++last->work->spare_fds;
    }
    release_owner(*last);
    last = parent;
  }
}

void release_owner(folder& held) {
  if (--held.owners != 0) return;
  auto freed =
      static_cast<std::int64_t>(sizeof(folder) + held.name.capacity() + held.order.capacity() * sizeof(entry*));
  // One by one: a long chain must not be freed by recursion.
  while (held.segments != nullptr) {
    freed += held.segments->held_bytes;
    held.segments = std::move(held.segments->following);
  }
  held.work->workers.hold(-freed);
  delete &held;
}

void release_segment(segment& held) {
  if (--held.users != 0) return;
  folder& owner = *held.owner;
  // Sorted, the printer needs it: it goes with its directory.
  if (owner.work->options.is_unsorted) {
    owner.work->workers.hold(-static_cast<std::int64_t>(held.held_bytes));
    delete &held;
  }
  release_user(owner);
}

void settle(job& work, entry& ended, entry_state how) {
  if (ended.state.exchange(how) == entry_state::awaited) work.lines.advance();
}

}  // namespace tool
