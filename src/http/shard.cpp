#include "shard.hpp"

#include "../os/http/socket.hpp"

#include <treadle/assert.hpp>
#include <treadle/blocking.hpp>
#include <treadle/detail/deadline.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/errc.hpp>
#include <treadle/http/errc.hpp>

#include <chrono>
#include <new>
#include <utility>

namespace treadle::http::detail {

namespace os = treadle::detail::os;
using treadle::detail::brief_guard;
using treadle::detail::internal_task;
using treadle::detail::site_word;

namespace {

/// How often a turn calls libcurl because it wants to be at once; then others have theirs.
constexpr int most_rounds = 32;

}  // namespace

shard::shard(thread_pool& pool, std::shared_ptr<settings> with)
    : pool_(pool),
      with_(std::move(with)),
      turn_(turn_ops, *this, site_word::of_label("<http>")),
      tick_(tick_ops, *this, site_word::of_label("<http>")) {
  timer_.work = static_cast<treadle::task*>(&tick_);
}

shard::~shard() { TREADLE_ASSERT(multi_ == nullptr && watches_ == nullptr, live_.size(), by_number_.size()); }

// ---- the inbox -----------------------------------------------------------------------------------------------------

bool shard::must_queue_locked() noexcept {
  was_used_ = true;
  if (is_queued_) return false;
  is_queued_ = true;
  self_ = shared_from_this();
  return true;
}

void shard::queue() noexcept {
  if (!pool_.core().readmit(&turn_, &turn_, 1)) turns();
}

void shard::put(exchange& asking, unsigned asks) noexcept {
  bool is_first = false;
  {
    const brief_guard exclusive(inbox_lock_);
    asking.inbox.asks |= asks;
    if (!asking.inbox.is_listed) {
      asking.inbox.is_listed = true;
      auto& end = inbox_.last_exchange != nullptr ? inbox_.last_exchange->inbox.next : inbox_.exchanges;
      end = asking.shared_from_this();
      inbox_.last_exchange = &asking;
    }
    is_first = must_queue_locked();
  }
  if (is_first) queue();
}

void shard::put(socket_side& ended) noexcept {
  const std::shared_ptr<shard> self = ended.of->of;  // the watch may be gone once the lock is let go
  bool is_first = false;
  {
    const brief_guard exclusive(inbox_lock_);
    ended.next = std::exchange(inbox_.sides, &ended);
    is_first = must_queue_locked();
  }
  if (is_first) queue();
}

void shard::tick() noexcept {
  bool is_first = false;
  {
    const brief_guard exclusive(inbox_lock_);
    inbox_.has_ticked = true;
    is_first = must_queue_locked();
  }
  if (is_first) queue();
}

void shard::close() noexcept {
  bool is_first = false;
  {
    const brief_guard exclusive(inbox_lock_);
    if (!was_used_) {
      is_closing_ = true;  // no turn is queued, nor has been
      return;
    }
    inbox_.has_to_close = true;
    is_first = must_queue_locked();
  }
  if (is_first) queue();
  blocking([this] {
    std::unique_lock<std::mutex> lock(closed_mutex_);
    // In slices: the condition variable of glibc 2.36 can lose a wake-up.
    while (!is_closed_) closed_changed_.wait_for(lock, std::chrono::milliseconds(50));
  });
}

// ---- the turn ------------------------------------------------------------------------------------------------------

void shard::run_turn(internal_task* queued) noexcept { static_cast<queued_task*>(queued)->of->turns(); }

bool shard::run_refused(internal_task* queued) noexcept {
  static_cast<queued_task*>(queued)->of->turns();
  return true;
}

void shard::run_tick(internal_task* queued) noexcept {
  shard& self = *static_cast<queued_task*>(queued)->of;
  const std::shared_ptr<shard> kept = self.ticking_;
  self.tick();
}

bool shard::cancel_tick(internal_task* queued) noexcept {
  run_tick(queued);
  return true;
}

/// Takes a turn, and if the pool does not take the next one, that one too. The shard may be gone on return.
void shard::turns() noexcept {
  for (;;) {
    mail taken;
    {
      const brief_guard exclusive(inbox_lock_);
      std::swap(taken, inbox_);
    }
    act(taken);
    std::shared_ptr<exchange> waiting = std::move(to_wake_);
    last_to_wake_ = nullptr;
    std::shared_ptr<shard> self;
    bool goes_on = false;
    {
      const brief_guard exclusive(inbox_lock_);
      goes_on = !inbox_.empty();
      if (!goes_on) {
        is_queued_ = false;
        self = std::move(self_);
      } else {
        self = self_;
      }
    }
    // LAST TOUCH of what is the turn's, unless the pool refuses the next one
    const bool is_here = goes_on && !pool_.core().readmit(&turn_, &turn_, 1);
    wake(std::move(waiting));
    if (!is_here) return;
  }
}

void shard::wake(std::shared_ptr<exchange> waiting) noexcept {
  while (waiting != nullptr) {
    const std::shared_ptr<exchange> each = std::move(waiting);
    waiting = std::move(each->next_to_wake);
    each->wake_noted();
  }
}

void shard::act(mail& taken) noexcept {
  if (taken.has_ticked) {
    ticking_.reset();
    timer_due_ = clock::time_point::max();
  }
  while (taken.sides != nullptr) {
    socket_side& each = *taken.sides;
    taken.sides = each.next;
    side_is_over(each);
  }
  while (taken.exchanges != nullptr) {
    const std::shared_ptr<exchange> each = std::move(taken.exchanges);
    unsigned asks = 0;
    {
      const brief_guard exclusive(inbox_lock_);
      taken.exchanges = std::move(each->inbox.next);
      each->inbox.is_listed = false;
      asks = std::exchange(each->inbox.asks, 0u);
    }
    attend(*each, asks);
  }
  if (taken.has_to_close) is_closing_ = true;
  if (is_closing_) {
    close_all();
  } else {
    settle();
  }
}

void shard::settle() noexcept {
  if (multi_ == nullptr) return;
  clock::time_point now = clock::now();
  check_limits(now);
  int running = 0;
  for (int round = 0; curl_due_ <= now && round < most_rounds; ++round) {
    curl_due_ = clock::time_point::max();
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
    take_messages();
    now = clock::now();
  }
  take_messages();
  arm_sockets();
  arm_timer(now);
}

void shard::will_wake(exchange& waiting, unsigned which) noexcept {
  if (!waiting.note_wake(which)) return;
  (last_to_wake_ != nullptr ? last_to_wake_->next_to_wake : to_wake_) = waiting.shared_from_this();
  last_to_wake_ = &waiting;
}

// ---- exchanges -----------------------------------------------------------------------------------------------------

void shard::attend(exchange& asking, unsigned asks) noexcept {
  if (asking.is_ended()) return;
  if ((asks & asks_abort) != 0) {
    let_go(asking);
    return asking.end(treadle::errc::cancelled, {});
  }
  if ((asks & asks_start) != 0) begin(asking);
  if ((asks & asks_resume) != 0 && asking.turn.is_live) resume(asking);
}

void shard::begin(exchange& started) noexcept {
  if (is_closing_) return started.end(treadle::errc::cancelled, {});
  if (dead_) return started.end(dead_, {});
  CURL* const easy = make_multi() ? take_easy() : nullptr;
  if (easy == nullptr) return started.end(treadle::errc::out_of_memory, {});
  started.turn.easy = easy;
  try {
    live_.push_back(started.shared_from_this());
  } catch (const std::bad_alloc&) {
    let_go(started);
    return started.end(treadle::errc::out_of_memory, {});
  }
  started.turn.index = live_.size() - 1;
  started.turn.is_live = true;
  started.turn.progress = clock::now();
  const CURLcode code = set_up(easy, started, *this);
  if (code != CURLE_OK) return finish(started, code);
  has_new_limit(started);
  if (curl_multi_add_handle(multi_, easy) != CURLM_OK) finish(started, CURLE_OUT_OF_MEMORY);
}

void shard::resume(exchange& paused) noexcept {
  paused.turn.is_paused_for_reader = paused.turn.is_paused_for_source = false;
  paused.turn.progress = clock::now();
  has_new_limit(paused);
  const CURLcode code = curl_easy_pause(paused.turn.easy, CURLPAUSE_CONT);
  if (code != CURLE_OK) finish(paused, code);
}

void shard::take_messages() noexcept {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // the message is gone with the handle
    exchange* over = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &over);
    finish(*over, code);
  }
}

void shard::finish(exchange& over, CURLcode code) noexcept {
  const std::shared_ptr<exchange> kept = over.weak_from_this().lock();
  std::error_code why = over.turn.verdict;
  if (!why && !over.turn.ends_well && code != CURLE_OK) why = meaning_of(code, over.turn.easy, over);
  std::string detail;
  if (why && code != CURLE_OK && !over.turn.verdict) {
    try {
      detail = over.turn.detail[0] != '\0' ? over.turn.detail : curl_easy_strerror(code);
    } catch (const std::bad_alloc&) {
      detail.clear();
    }
  }
  let_go(over);
  over.end(why, std::move(detail));
}

/// Takes it out of libcurl; its handle serves again.
void shard::let_go(exchange& over) noexcept {
  exchange::in_turn& of = over.turn;
  if (of.is_live) {
    of.is_live = false;
    const std::shared_ptr<exchange> kept = std::move(live_[of.index]);
    if (of.index + 1 != live_.size()) {
      live_[of.index] = std::move(live_.back());
      live_[of.index]->turn.index = of.index;
    }
    live_.pop_back();
    curl_multi_remove_handle(multi_, of.easy);
  }
  if (of.easy != nullptr) {
    curl_easy_reset(of.easy);
    spare_.push_back(std::exchange(of.easy, nullptr));  // room was made with the handle
  }
  curl_slist_free_all(std::exchange(of.lines, nullptr));
  curl_slist_free_all(std::exchange(of.resolve, nullptr));
}

CURL* shard::take_easy() noexcept {
  if (!spare_.empty()) {
    CURL* const taken = spare_.back();
    spare_.pop_back();
    return taken;
  }
  try {
    spare_.reserve(live_.size() + 1);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  return curl_easy_init();
}

void shard::end_all(std::error_code why) noexcept {
  while (!live_.empty()) {
    const std::shared_ptr<exchange> each = live_.back();
    let_go(*each);
    each->end(why, {});
  }
}

void shard::close_all() noexcept {
  end_all(treadle::errc::cancelled);
  for (CURL* const each : spare_) curl_easy_cleanup(each);
  spare_.clear();
  if (multi_ != nullptr) curl_multi_cleanup(std::exchange(multi_, nullptr));
  while (!by_number_.empty()) close_socket(by_number_.begin()->first);  // of which libcurl has not told
  if (ticking_ != nullptr && treadle::detail::timer_wheel<policy>::cancel(timer_)) ticking_.reset();
  arm_sockets();  // closes those at rest
  if (watches_ != nullptr || ticking_ != nullptr) return;
  const std::lock_guard<std::mutex> exclusive(closed_mutex_);
  is_closed_ = true;
  closed_changed_.notify_all();
}

// ---- time ----------------------------------------------------------------------------------------------------------

void shard::wants_to_be_called(long after_ms) noexcept {
  if (after_ms == 0) {
    curl_due_ = clock::time_point::min();  // in this turn, whenever it has looked at the clock
  } else {
    curl_due_ = after_ms < 0 ? clock::time_point::max() : clock::now() + std::chrono::milliseconds(after_ms);
  }
}

void shard::has_new_limit(const exchange& changed) noexcept {
  limits_due_ = std::min(limits_due_, changed.next_limit().at);
}

void shard::check_limits(clock::time_point now) noexcept {
  if (now < limits_due_) return;
  limits_due_ = clock::time_point::max();
  for (std::size_t i = live_.size(); i-- > 0;) {
    const std::shared_ptr<exchange> each = live_[i];
    const exchange::limit limit = each->next_limit();
    if (now < limit.at) {
      limits_due_ = std::min(limits_due_, limit.at);
      continue;
    }
    let_go(*each);
    each->end(limit.why, {});
  }
}

void shard::arm_timer(clock::time_point now) noexcept {
  const clock::time_point due = std::min(curl_due_, limits_due_);
  if (due == timer_due_) return;
  // One that comes too early does no harm: libcurl moves its wish with each byte.
  if (ticking_ != nullptr && timer_due_ <= due && due - now < std::chrono::seconds(1)) return;
  if (ticking_ != nullptr) {
    if (!treadle::detail::timer_wheel<policy>::cancel(timer_)) return;  // it comes, and arms anew
    ticking_.reset();
    timer_due_ = clock::time_point::max();
  }
  if (due == clock::time_point::max()) return;
  ticking_ = shared_from_this();
  timer_due_ = due;
  const std::error_code refused = pool_.core().arm_timer(timer_, treadle::detail::deadline_at(due), false);
  if (!refused) return;
  ticking_.reset();
  timer_due_ = clock::time_point::max();
  dead_ = refused;
  end_all(refused);
}

}  // namespace treadle::http::detail
