#pragma once

#include "tree.hpp"

#include <cstdint>

namespace tool {

/// Makes the root: a directory of what the user named. It is listed from the start.
folder* make_root(job& work);
/// Makes the node of a subdirectory; it is not read yet. Takes a hold on `above`.
folder* make_child(folder& above, entry& as);

/// Puts a segment at the end of `into`, with a hold for the caller. Returns it.
segment* append_segment(folder& into, std::unique_ptr<segment> made);

/// Looks up the sizes of the files that are named in `read`, cuts them into tasks and queues those. `fd` is the
/// directory. Gives the caller's hold on `read` away.
void queue_files(int fd, segment& read);

/// Stores how an entry ended. If it was awaited, prints on. The entry may be gone afterwards.
void settle(job& work, entry& ended, entry_state how);

/// Gives a hold away; the last one frees.
void release_user(folder& held);
void release_owner(folder& held);
void release_segment(segment& held);

/// What a file may occupy while it waits for an earlier one.
inline std::int64_t waiting_allowance(std::uint32_t path_length, const entry& file) noexcept {
  return static_cast<std::int64_t>(path_length) + file.name_length + 96;
}

/// The task of a directory, and of a run of files.
void list_folder(treadle::task* started) noexcept;
void hash_chunk(treadle::task* started) noexcept;

}  // namespace tool
