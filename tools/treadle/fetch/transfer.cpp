#include "transfer.hpp"

#include "../install/fault.hpp"
#include "../install/folder.hpp"
#include "../text.hpp"

#include <treadle/coro/sleep.hpp>

#include <fmt/format.h>

#include <sys/file.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <vector>

namespace tool::fetch {

namespace {

using install::fault;
using install::outage;

constexpr std::size_t step_bytes = 64 * 1024;

bool is_worth_another_try(int status) noexcept { return status == 408 || status == 429 || status >= 500; }

/// Returns the first byte's place that a 206 answer says it begins at.
std::optional<std::uint64_t> range_start(std::string_view content_range) {
  constexpr std::string_view unit = "bytes ";
  if (!content_range.starts_with(unit)) return std::nullopt;
  content_range.remove_prefix(unit.size());
  std::uint64_t start = 0;
  const auto [stop, error] = std::from_chars(content_range.data(), content_range.data() + content_range.size(), start);
  if (error != std::errc() || stop == content_range.data() + content_range.size() || *stop != '-') return std::nullopt;
  return start;
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

/// Opens the part, and takes up what an earlier run has left if it is of the same thing.
treadle::coro::task<> transfer::take_up() {
  using treadle::io::open_mode;
  file_ = value_of(co_await treadle::io::file::open(part(), open_mode::read | open_mode::write | open_mode::create),
                   part());
  if (::flock(file_.number(), LOCK_EX | LOCK_NB) != 0) throw fault(readable(part()) + ": another fetch writes it");
  const std::uint64_t size = value_of(co_await file_.size(), part());
  if (asked_.resumes && size > 0 && ::access(source_note().c_str(), R_OK) == 0) {
    const std::string note = install::read_file(source_note());
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

/// Brings the part in line with what the server is about to send.
void transfer::check_answer(treadle::http::stream& body) {
  const bool is_rest = body.status() == 206;
  if (is_rest && range_start(body.headers().value("Content-Range")) != state_.bytes) {
    throw fault("the server sends another range than was asked for");
  }
  if (!is_rest) {
    if (state_.bytes > 0) start_over();
    note_source(body);
  }
  if (const auto length = body.content_length()) state_.total_bytes = state_.bytes + *length;
}

treadle::coro::task<bool> transfer::copy_body(treadle::http::stream& body) {
  std::vector<std::byte> step(step_bytes);
  for (;;) {
    const treadle::result<std::size_t> read = co_await body.read(step);
    if (!read) {
      why_ = body.failure().message();
      co_return false;
    }
    if (*read == 0) co_return true;
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
  if (body.status() == 416 && state_.bytes > 0) {  // the part is no part of what is there now
    start_over();
    why_ = "the server has no such range";
    co_return verdict::again;
  }
  if (body.status() != 200 && body.status() != 206) {
    why_ = fmt::format("the server says {}", body.status());
    if (!is_worth_another_try(body.status())) throw outage(why_);
    co_return verdict::again;
  }
  check_answer(body);
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
      throw fault(fmt::format("it has another checksum: {}:{}", what_.checksum->algorithm(), install::hex(digest)));
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
    for (unsigned tries = 0; co_await try_once() == verdict::again; ++tries) {
      if (tries >= asked_.retries) throw outage(why_);
      co_await treadle::coro::sleep_for(std::chrono::milliseconds(200) * (1U << std::min(tries, 6U)));
    }
    co_await finish();
  } catch (...) {
    clean_up();
    throw;
  }
}

}  // namespace tool::fetch
