#include "exchange.hpp"

#include "shard.hpp"
#include "text.hpp"

#include <treadle/errc.hpp>
#include <treadle/http/errc.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <system_error>
#include <utility>

namespace treadle::http::detail {

namespace {

/// What is read of a body that nobody wants, to keep the connection.
constexpr std::uint64_t most_dropped = 1 << 20;

bool is_redirect_status(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_refusal(int status) noexcept { return status == 429 || (status >= 502 && status <= 504); }

}  // namespace

exchange::exchange(order given, place held, std::shared_ptr<shard> at)
    : what(std::move(given)), at_(std::move(at)), held_(std::move(held)) {}

exchange::~exchange() = default;

void exchange::start() noexcept { at_->put(*this, shard::asks_start); }

void exchange::abort() noexcept { at_->put(*this, shard::asks_abort); }

http::failure exchange::failure_so_far() {
  const std::lock_guard<std::mutex> exclusive(mutex_);
  return is_over_ ? why : http::failure{};
}

// ---- the reader ----------------------------------------------------------------------------------------------------

std::size_t exchange::copy_out(std::span<std::byte> into) noexcept {
  const std::size_t bytes = std::min(into.size(), reading_.size() - read_);
  std::memcpy(into.data(), reading_.data() + read_, bytes);
  read_ += bytes;
  return bytes;
}

coro::task<result<std::size_t>> exchange::read(std::span<std::byte> into) {
  if (into.empty()) co_return std::size_t{0};
  for (;;) {
    if (read_ < reading_.size()) co_return copy_out(into);
    bool goes_on = false;
    {
      const std::lock_guard<std::mutex> exclusive(mutex_);
      reading_.clear();
      read_ = 0;
      std::swap(reading_, came_);
      if (reading_.empty()) {
        if (is_over_) co_return why.why ? result<std::size_t>(why.why) : result<std::size_t>(std::size_t{0});
        came_more_.reset();
      }
      goes_on = std::exchange(holds_up_, false);
    }
    if (goes_on) at_->put(*this, shard::asks_resume);
    if (!reading_.empty()) continue;
    try {
      co_await came_more_.wait();
    } catch (const std::system_error& stopped) {
      co_return stopped.code();
    }
  }
}

// ---- the source ----------------------------------------------------------------------------------------------------

/// Gives a piece to the transfer, if that has taken the one before. False: not yet.
bool exchange::offer(std::string& piece, std::error_code error, bool is_last) {
  bool goes_on = false;
  {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    if (is_over_) return true;
    if (sent_of_it_ < to_send_.size()) {
      took_more_.reset();
      return false;
    }
    std::swap(to_send_, piece);
    sent_of_it_ = 0;
    source_error_ = error;
    source_is_over_ = is_last;
    goes_on = std::exchange(starves_, false);
  }
  if (goes_on) at_->put(*this, shard::asks_resume);
  return true;
}

coro::task<> exchange::feed(body_source source) {
  std::string piece;
  for (bool is_last = false; !is_last;) {
    std::error_code error;
    piece.resize(what.buffer_bytes);
    try {
      const result<std::size_t> got = co_await source(std::as_writable_bytes(std::span(piece)));
      error = got.error();
      piece.resize(got ? std::min(*got, piece.size()) : 0);
    } catch (const std::system_error& failed) {
      error = failed.code();
    } catch (...) {
      error = errc::source_failed;
    }
    if (error) piece.clear();
    is_last = piece.empty();
    while (!offer(piece, error, is_last)) co_await took_more_.wait();
    const std::lock_guard<std::mutex> exclusive(mutex_);
    if (is_over_) break;
  }
}

// ---- the turn: what libcurl asks and tells -------------------------------------------------------------------------

std::size_t exchange::fail(errc error) noexcept {
  turn.verdict = error;
  return 0;
}

void exchange::is_connected() noexcept {
  const bool has_body = what.has_source || (what.body != nullptr && !what.body->empty());
  turn.at = has_body ? phase::send : phase::head;
  turn.progress = clock::now();
  at_->has_new_limit(*this);
}

std::size_t exchange::take_line(std::string_view line) {
  turn.progress = clock::now();
  if (turn.head_is_over) return line.size();  // what follows a body in chunks
  if (turn.at < phase::head) turn.at = phase::head;
  turn.header_bytes += line.size();
  if (turn.header_bytes > what.max_header_bytes) return fail(errc::headers_too_large);
  if (line.substr(0, 5) == "HTTP/") {  // the first one, or the one after an interim response
    lines.clear();
    status = 0;
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), status);
  } else if (trimmed(line).empty()) {
    if (status >= 200) end_head();
    if (turn.verdict) return 0;
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    lines.add(std::string(trimmed(line.substr(0, colon))), std::string(trimmed(line.substr(colon + 1))));
  }
  return line.size();
}

void exchange::end_head() {
  turn.head_is_over = true;
  turn.at = phase::body;
  is_redirect = what.follows && is_redirect_status(status) && lines.find("Location") != nullptr;
  is_refused_by_status = is_refusal(status);
  turn.drops_body = is_redirect;
  if (const std::string* const text = lines.find("Content-Length")) {
    std::uint64_t announced = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), announced);
    const bool is_plain = lines.find("Content-Encoding") == nullptr || !what.compression;
    if (parsed.ec == std::errc() && is_plain) length = announced;
  }
  at_->has_new_limit(*this);
  if (turn.drops_body) return;
  if (length && what.method != "HEAD" && is_over_limit(*length)) {
    turn.verdict = errc::body_too_large;
    return;
  }
  // No more than a liar may cost.
  if (what.collects && length) collected.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 1 << 20)));
  if (!what.collects) publish_head();
}

void exchange::publish_head() {
  has_head = true;
  at_->will_wake(*this, wakes_head);
}

std::size_t exchange::take_body(std::string_view piece) {
  turn.progress = clock::now();
  turn.at = phase::body;
  turn.head_is_over = true;
  if (turn.drops_body) {
    turn.body_bytes += piece.size();
    if (turn.body_bytes <= most_dropped) return piece.size();
    turn.ends_well = true;
    return 0;
  }
  if (is_over_limit(turn.body_bytes + piece.size())) return fail(errc::body_too_large);
  if (what.collects) {
    collected.append(piece);
  } else {
    {
      const std::lock_guard<std::mutex> exclusive(mutex_);
      if (!came_.empty() && came_.size() + piece.size() > what.buffer_bytes) {
        holds_up_ = true;
        turn.is_paused_for_reader = true;
        return CURL_WRITEFUNC_PAUSE;
      }
      came_.append(piece);
    }
    at_->will_wake(*this, wakes_reader);
  }
  turn.body_bytes += piece.size();
  return piece.size();
}

std::size_t exchange::give_body(char* into, std::size_t bytes) {
  turn.progress = clock::now();
  if (!what.has_source) {
    const std::string_view rest = std::string_view(*what.body).substr(static_cast<std::size_t>(turn.sent_bytes));
    const std::size_t given = std::min(bytes, rest.size());
    std::memcpy(into, rest.data(), given);
    turn.sent_bytes += given;
    if (given == rest.size()) turn.at = std::max(turn.at, phase::head);
    return given;
  }
  const std::lock_guard<std::mutex> exclusive(mutex_);
  const std::size_t given = std::min(bytes, to_send_.size() - sent_of_it_);
  if (given != 0) {
    std::memcpy(into, to_send_.data() + sent_of_it_, given);
    sent_of_it_ += given;
    turn.sent_bytes += given;
    if (sent_of_it_ == to_send_.size()) at_->will_wake(*this, wakes_source);
    return given;
  }
  if (source_error_) {
    turn.verdict = source_error_;
    return CURL_READFUNC_ABORT;
  }
  if (source_is_over_) {
    if (what.source_bytes && turn.sent_bytes != *what.source_bytes) {
      turn.verdict = errc::source_failed;
      return CURL_READFUNC_ABORT;
    }
    turn.at = std::max(turn.at, phase::head);
    return 0;
  }
  starves_ = true;
  turn.is_paused_for_source = true;
  return CURL_READFUNC_PAUSE;
}

bool exchange::rewind(std::uint64_t to) noexcept {
  if (what.has_source || to > what.body->size()) return false;
  turn.sent_bytes = to;
  return true;
}

// ---- the turn: time and the end ------------------------------------------------------------------------------------

exchange::limit exchange::next_limit() const noexcept {
  constexpr auto never = clock::time_point::max();
  limit made{never, {}};
  const auto after = [&](std::chrono::nanoseconds time) { return time.count() > 0 ? turn.progress + time : never; };
  if (turn.is_paused_for_reader || turn.is_paused_for_source) {
    // Ours to blame.
  } else if (turn.at <= phase::connect) {
    made = {what.connect_by, errc::connect_timed_out};
  } else if (turn.at == phase::head && turn.header_bytes == 0) {
    made = {after(what.first_byte), errc::first_byte_timed_out};
  } else {
    made = {after(what.stall), errc::stalled};
  }
  if (what.total_by < made.at) made = {what.total_by, errc::timed_out};
  return made;
}

void exchange::end(std::error_code error, std::string detail) noexcept {
  is_ended_ = true;
  why.why = error;
  why.at = turn.at;
  why.detail = std::move(detail);
  {
    const std::lock_guard<std::mutex> exclusive(mutex_);
    is_over_ = true;
  }
  at_->will_wake(*this, frees_place | wakes_head | wakes_reader | wakes_source);
}

bool exchange::note_wake(unsigned which) noexcept {
  const treadle::detail::brief_guard exclusive(wake_lock_);
  to_wake_ |= which;
  return !std::exchange(is_listed_to_wake_, true);
}

void exchange::wake_noted() noexcept {
  unsigned which = 0;
  {
    const treadle::detail::brief_guard exclusive(wake_lock_);
    which = std::exchange(to_wake_, 0u);
    is_listed_to_wake_ = false;
  }
  if ((which & frees_place) != 0) held_.release();
  if ((which & wakes_source) != 0) took_more_.set();
  if ((which & wakes_reader) != 0) came_more_.set();
  if ((which & wakes_head) != 0) headed.set();
}

}  // namespace treadle::http::detail
