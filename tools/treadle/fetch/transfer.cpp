#include "transfer.hpp"

#include "../install/fault.hpp"
#include "../install/folder.hpp"
#include "../text.hpp"

#include <treadle/coro/sleep.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <vector>

namespace tool::fetch {

namespace {

using install::fault;
using install::is_worth_another_try;
using install::outage;

constexpr std::size_t step_bytes = 64 * 1024;

/// What a 206 answer says that it sends: bytes `first` to `last` of `total`.
struct range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t total = 0;
};

/// Returns nothing for what is no range of a file whose size is known.
std::optional<range> parse_range(std::string_view text) {
  const auto take = [&](std::string_view before, std::uint64_t& number) {
    if (!text.starts_with(before)) return false;
    text.remove_prefix(before.size());
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return error == std::errc();
  };
  range said;
  if (!take("bytes ", said.first) || !take("-", said.last) || !take("/", said.total) || !text.empty()) return {};
  if (said.first > said.last || said.last >= said.total) return {};
  return said;
}

template <class T>
T value_of(treadle::result<T> got, const std::string& path) {
  if (!got) throw outage(readable(path) + ": " + got.error().message());
  return std::move(*got);
}

void check(const treadle::result<void>& got, const std::string& path) {
  if (!got) throw outage(readable(path) + ": " + got.error().message());
}

}  // namespace

treadle::coro::task<> transfer::hash_part(treadle::io::file& from, std::uint64_t bytes) {
  if (!what_.checksum) co_return;
  hash_.emplace(what_.checksum->algorithm());
  std::vector<std::byte> step(step_bytes);
  for (std::uint64_t at = 0; at < bytes;) {
    const std::size_t read = value_of(co_await from.read_at(at, step), part());
    if (read == 0) throw outage(part() + " has become shorter");
    hash_->add(std::span<const std::byte>(step).first(std::min<std::uint64_t>(read, bytes - at)));
    at += read;
  }
}

/// A file of this name whose checksum is right needs no fetching.
treadle::coro::task<bool> transfer::is_there_already() {
  if (!what_.checksum || ::access(place().c_str(), F_OK) != 0) co_return false;
  treadle::result<treadle::io::file> there = co_await treadle::io::file::open(place());
  if (!there) co_return false;
  const treadle::result<std::uint64_t> size = co_await there->size();
  if (!size) co_return false;
  co_await hash_part(*there, *size);
  if (!what_.checksum->holds_for(hash_->finish())) co_return false;
  state_.bytes = *size;
  state_.was_there = true;
  co_return true;
}

/// Opens the part and locks it. What lies there may have been put there by somebody else: no link is followed, no pipe
/// waited for, and a file that has another name elsewhere is not written to.
void transfer::lock_part() {
  for (unsigned tries = 0; tries < 100; ++tries) {
    constexpr int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    lock_ = install::handle(::open(part().c_str(), flags, 0666));
    struct stat mine;
    const bool is_odd = lock_ ? ::fstat(lock_.number(), &mine) != 0 || !S_ISREG(mine.st_mode) || mine.st_nlink > 1
                              : errno == ELOOP || errno == ENXIO;
    if (is_odd) {
      if (::unlink(part().c_str()) != 0 && errno != ENOENT) install::throw_errno(readable(part()));
      continue;
    }
    if (!lock_) install::throw_errno(readable(part()));
    if (::flock(lock_.number(), LOCK_EX | LOCK_NB) != 0) throw fault(readable(part()) + ": another fetch writes it");
    // Who had the lock before may have given the file its final name meanwhile.
    struct stat there;
    if (::lstat(part().c_str(), &there) == 0 && there.st_ino == mine.st_ino && there.st_dev == mine.st_dev) return;
  }
  throw outage(readable(part()) + ": others keep replacing it");
}

treadle::coro::task<> transfer::open_part() {
  using treadle::io::open_mode;
  lock_part();
  file_ = value_of(co_await treadle::io::file::open(part(), open_mode::read | open_mode::write), part());
  struct stat locked;
  struct stat opened;
  if (::fstat(lock_.number(), &locked) != 0 || ::fstat(file_.number(), &opened) != 0 ||
      locked.st_ino != opened.st_ino || locked.st_dev != opened.st_dev) {
    file_.close();
    throw outage(readable(part()) + ": others keep replacing it");
  }
}

/// Returns what is noted of the part, or nothing.
std::string transfer::read_note() const {
  struct stat found;
  if (::lstat(source_note().c_str(), &found) != 0 || !S_ISREG(found.st_mode) || found.st_size > 64 * 1024) return {};
  return install::read_regular(source_note());
}

/// Takes up what an earlier run has left if it is of the same thing.
treadle::coro::task<> transfer::take_up() {
  co_await open_part();
  const std::uint64_t size = value_of(co_await file_.size(), part());
  if (asked_.resumes && size > 0) {
    const std::string note = read_note();
    const std::size_t line = note.find('\n');
    if (line != note.npos && note.substr(0, line) == what_.url && note.ends_with('\n')) {
      validator_ = note.substr(line + 1, note.size() - line - 2);
    }
  }
  if (validator_.empty()) {
    start_over();
  } else {
    co_await hash_part(file_, size);
    state_.bytes = state_.resumed_bytes = size;
    on_bytes_(size);
  }
}

void transfer::start_over() {
  on_bytes_(0 - state_.bytes);
  state_.bytes = state_.resumed_bytes = 0;
  state_.total_bytes.reset();
  validator_.clear();
  ::unlink(source_note().c_str());
  if (::ftruncate(file_.number(), 0) != 0) install::throw_errno(readable(part()));
  hash_.reset();
  if (what_.checksum) hash_.emplace(what_.checksum->algorithm());
}

treadle::http::request transfer::make_request() const {
  treadle::http::request made;
  made.url = what_.url;
  if (state_.bytes > 0) made.headers.add("If-Range", validator_);
  return made;
}

/// Keeps what shows later whether the server still has the same.
void transfer::note_source(const treadle::http::stream& body) {
  const std::string_view tag = body.headers().value("ETag");
  validator_ = !tag.empty() && !tag.starts_with("W/") ? tag : body.headers().value("Last-Modified");
  if (validator_.empty() || !asked_.resumes) return;
  ::unlink(source_note().c_str());
  install::write_file(AT_FDCWD, source_note(), what_.url + '\n' + validator_ + '\n', 0666);
}

/// Says whether the answer is just what is missing of what the part is of.
bool transfer::is_rest(const treadle::http::stream& body) const {
  const std::optional<range> sent = parse_range(body.headers().value("Content-Range"));
  if (!sent || sent->first != state_.bytes || sent->last + 1 != sent->total) return false;
  if (state_.total_bytes && *state_.total_bytes != sent->total) return false;
  const std::string_view tag = body.headers().value("ETag");
  return tag.empty() || !validator_.starts_with('"') || tag == validator_;
}

/// Notes how long the whole will be: what a range says counts, for fewer bytes may follow.
void transfer::expect_length(const treadle::http::stream& body) {
  if (body.status() == 206) {
    state_.total_bytes = parse_range(body.headers().value("Content-Range"))->total;
  } else {
    state_.total_bytes = body.content_length();
  }
}

treadle::coro::task<bool> transfer::copy_body(treadle::http::stream& body) {
  std::vector<std::byte> step(step_bytes);
  for (;;) {
    const treadle::result<std::size_t> read = co_await body.read(step);
    if (!read) {
      why_ = body.failure().message();
      co_return false;
    }
    if (*read == 0) {
      if (!state_.total_bytes || *state_.total_bytes == state_.bytes) co_return true;
      why_ = fmt::format("{} of {} bytes have come", state_.bytes, *state_.total_bytes);
      co_return false;
    }
    if (state_.total_bytes && *read > *state_.total_bytes - state_.bytes) {
      start_over();
      why_ = "the server sends more than it says";
      co_return false;
    }
    const std::span<const std::byte> bytes = std::span<const std::byte>(step).first(*read);
    if (hash_) hash_->add(bytes);
    check(co_await file_.write_at(state_.bytes, bytes), part());
    state_.bytes += *read;
    on_bytes_(*read);
  }
}

treadle::coro::task<transfer::verdict> transfer::try_once() {
  treadle::http::failure failed;
  treadle::http::request_options how;
  how.compression = false;
  how.range_start = state_.bytes;
  how.failure = &failed;
  treadle::result<treadle::http::stream> opened = co_await client_.open(make_request(), how);
  if (!opened) {
    why_ = failed.message();
    co_return verdict::again;
  }
  treadle::http::stream& body = *opened;
  state_.status = body.status();
  const bool is_other_part = (body.status() == 416 && state_.bytes > 0) || (body.status() == 206 && !is_rest(body));
  if (is_other_part) {  // the part is no part of what is there now, or the server has ranges of its own
    if (state_.bytes == 0) throw fault("the server sends another range than was asked for");
    start_over();
    co_return verdict::anew;
  }
  if (body.status() != 200 && body.status() != 206) {
    why_ = fmt::format("the server says {}", body.status());
    if (!is_worth_another_try(body.status())) throw outage(why_);
    co_return verdict::again;
  }
  if (body.status() == 200) {
    if (state_.bytes > 0) start_over();
    note_source(body);
  }
  expect_length(body);
  if (!co_await copy_body(body)) {
    if (validator_.empty()) start_over();
    co_return verdict::again;
  }
  co_return verdict::done;
}

treadle::coro::task<> transfer::finish() {
  if (hash_) {
    const std::string digest = hash_->finish();
    if (!what_.checksum->holds_for(digest)) {
      ::unlink(part().c_str());
      throw fault(fmt::format("it has another checksum: {}:{}", what_.checksum->algorithm(), hex(digest)));
    }
  }
  // Under its final name it is whole even after the power fails.
  check(co_await file_.sync(), part());
  if (std::rename(part().c_str(), place().c_str()) != 0) install::throw_errno(readable(place()));
  ::unlink(source_note().c_str());
}

/// Leaves nothing that nobody will go on with.
void transfer::clean_up() noexcept {
  if (!file_ || (asked_.resumes && state_.bytes > 0 && !validator_.empty())) return;
  ::unlink(part().c_str());
  ::unlink(source_note().c_str());
}

treadle::coro::task<> transfer::run() {
  if (co_await is_there_already()) co_return;
  try {
    co_await take_up();
    for (unsigned tries = 0;;) {
      const verdict came = co_await try_once();
      if (came == verdict::done) break;
      if (came == verdict::anew) continue;  // only what is there is dropped by that, so the next does not end so
      if (tries >= asked_.retries) throw outage(why_);
      co_await treadle::coro::sleep_for(std::chrono::milliseconds(200) * (1U << std::min(tries, 6U)));
      ++tries;
    }
    co_await finish();
  } catch (...) {
    clean_up();
    throw;
  }
}

}  // namespace tool::fetch
