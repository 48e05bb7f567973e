#include "graph_run.hpp"

#include "context.hpp"

#include <treadle/batch.hpp>
#include <treadle/blocking.hpp>
#include <treadle/detail/pool_core.hpp>
#include <treadle/errc.hpp>

#include <utility>

namespace treadle::detail {

namespace {

constexpr std::int64_t look_again_ns = 1'000'000, longest_nap_ns = 64'000'000;
constexpr std::uint32_t spin_rounds = 100, yield_rounds = 200;

}  // namespace

graph_run::graph_run(thread_pool& pool, std::uint32_t width) : pool_(pool), width_(width), tickets_(new ticket[width]) {
  for (std::uint32_t i = 0; i < width; ++i) {
    tickets_[i].crew_of = this;
    crew_.enlist(tickets_[i]);
  }
}

void graph_run::close(graph_run* self) noexcept {
  if (self->crew_.close()) delete self;
}

// ---- a run --------------------------------------------------------------------------------------------------------

std::error_code graph_run::begin(graph_plan& plan, const graph_order& order, bool takes_part) noexcept {
  orders now;
  {
    // Admitted first: what follows cannot be refused any more, and is not begun if it is.
    admission admitted(pool_.core());
    if (admitted.error()) return admitted.error();
    plan_ = &plan;
    order_ = order;
    error_ = nullptr;
    stopping_.store(false, std::memory_order_relaxed);
    now = crew_.begin(make_ready(), takes_part);
    if (!takes_part && now.hired != nullptr) admitted.push(*now.hired);
  }
  if (takes_part) work(now, nullptr);
  return {};
}

graph_run::crew_type::list graph_run::make_ready() noexcept {
  crew_type::list ready;
  if (plan_->repeats || plan_->must_refill) {
    for (const auto& each : plan_->nodes) {
      each->predecessors.refill();
      each->owed.set(0);
    }
    plan_->must_refill = false;
  }
  for (graph_node* const source : plan_->sources) {
    source->owed.set(1);
    ready.push(*source);
  }
  return ready;
}

void graph_run::fail(std::exception_ptr error) noexcept {
  if (!stopping_.exchange(true, std::memory_order_relaxed)) error_ = std::move(error);
}

bool graph_run::must_stop() noexcept {
  if (stopping_.load(std::memory_order_relaxed)) return true;
  const bool cut_short = pool_.core().sync().look().life() >= lifecycle::cancelling ||
                         (order_.stop != nullptr && order_.stop->stop_requested());
  if (cut_short) fail(nullptr);
  return cut_short;
}

// ---- running nodes ------------------------------------------------------------------------------------------------

/// Does what the crew orders until there is nothing to do.
void graph_run::work(orders now, ticket* by) noexcept {
  std::uint32_t turns = 0;
  for (;;) {
    if (now.hired != nullptr) queue(std::exchange(now.hired, nullptr));
    if (now.ended) {
      now = next_round(by);
    } else if (now.next == nullptr) {
      break;
    } else if (by != nullptr && turns >= turn && !must_stop()) {
      if (give_turn_away(*now.next, *by)) return;
      turns = 0;
      now = crew_.take(*by, true);
    } else {
      now = follow(*now.next, by, turns);
    }
  }
  if (now.last_ticket) delete this;
}

/// Runs a node, and while each makes just one other ready, that one.
graph_run::orders graph_run::follow(graph_node& first, ticket* by, std::uint32_t& turns) noexcept {
  graph_node* node = &first;
  for (;;) {
    crew_type::list made;
    run_node(*node, made);
    ++turns;
    if (plan_->repeats || made.count != 1) return crew_.finish(*node, made, plan_->repeats, by);
    node = made.first;
    if (by == nullptr || turns < turn) continue;
    orders later;
    later.next = node;
    return later;
  }
}

void graph_run::run_node(graph_node& node, crew_type::list& made) noexcept {
  if (must_stop()) return;
  std::size_t chosen = graph_node::no_choice;
  try {
    chosen = node.invoke(current_worker(), order_.stop);
  } catch (...) {
    fail(std::current_exception());
    return;
  }
  release_successors(node, chosen, made);
}

void graph_run::release_successors(graph_node& node, std::size_t chosen, crew_type::list& made) noexcept {
  const auto release = [&](graph_node& ready) { plan_->repeats ? crew_.add_ready(ready) : made.push(ready); };
  if (node.is_branch()) {
    if (chosen < node.successors.size()) release(*node.successors[chosen]);
    return;
  }
  for (graph_node* const later : node.successors) {
    if (later->predecessors.arrive()) release(*later);  // E-ARRIVE
  }
}

/// The last node of a round is over: begins the next one, or ends the run.
graph_run::orders graph_run::next_round(ticket* by) noexcept {
  bool again = false;
  if (order_.again != nullptr && !must_stop()) {
    try {
      again = order_.again(order_.context);
    } catch (...) {
      fail(std::current_exception());
    }
  }
  if (again) return crew_.begin(make_ready(), true);
  // From here on the graph may be gone. This object is not: a ticket of it is hired, or its waiter is us.
  crew_.end();
  if (by == nullptr) return {};
  over_.notify();
  return crew_.take(*by, false);
}

// ---- tickets ------------------------------------------------------------------------------------------------------

void graph_run::ticket::run(internal_task* called) noexcept {
  auto* const self = static_cast<ticket*>(called);
  graph_run& run = *self->crew_of;
  run.work(run.crew_.take(*self, true), self);
}

/// The pool is being cancelled: what is ready is skipped.
bool graph_run::ticket::cancel(internal_task* called) noexcept {
  auto* const self = static_cast<ticket*>(called);
  graph_run& run = *self->crew_of;
  const bool over = run.crew_.is_over();
  run.work(run.crew_.take(*self, true), self);
  return !over;
}

/// Lets the pool's other work go first. Returns false if the pool is being cancelled: then the ticket is still at work.
bool graph_run::give_turn_away(graph_node& next, ticket& by) noexcept {
  crew_.put_back(next);
  return !pool_.core().schedule(&by, &by, 1);  // LAST TOUCH if it is accepted
}

void graph_run::queue(ticket* hired) noexcept {
  batch work;
  while (hired != nullptr) work.push(*std::exchange(hired, hired->next_idle.get()));
  if (!pool_.schedule(work)) return;
  // The pool is being cancelled; the caller goes on, and skips what is ready.
  fail(nullptr);
  while (task* const refused = work.pop()) crew_.dismiss(*static_cast<ticket*>(refused));
}

// ---- waiting ------------------------------------------------------------------------------------------------------

/// Says whether all of the pool's workers are blocked, perhaps by this very wait, or none can be had. Twice in a row,
/// for a spare may be about to be started.
bool graph_run::nobody_comes(bool& nobody_came) noexcept {
  const sync_state now = pool_.core().sync().look_acquire();
  if (now.total() == 0) return true;
  if (now.total() == now.blocked()) return std::exchange(nobody_came, true);
  return nobody_came = false;
}

void graph_run::wait_inside() noexcept {
  std::int64_t nap_ns = look_again_ns;
  bool nobody_came = false;
  for (std::uint32_t round = 0;; ++round) {
    work(crew_.take(), nullptr);
    if (crew_.is_over()) return;
    if (round < yield_rounds) {
      round < spin_rounds ? system_policy::pause() : system_policy::yield();
      continue;
    }
    // Others run what is left, and another worker takes our place. Should all of them come to block, we look again.
    const blocking_section section(wait_kind::graph);
    static_cast<void>(over_.wait(monotonic_ns() + nap_ns));
    nap_ns = nobody_comes(nobody_came) || nap_ns >= longest_nap_ns ? look_again_ns : nap_ns * 2;
  }
}

void graph_run::wait_outside() noexcept {
  const blocking_section section(wait_kind::graph);  // a worker of another pool
  std::int64_t nap_ns = look_again_ns;
  bool nobody_came = false;
  while (!crew_.is_over()) {
    if (nobody_comes(nobody_came)) {
      pool_.core().stand_in(
          [](void* argument) noexcept {
            auto* const self = static_cast<graph_run*>(argument);
            self->work(self->crew_.take(), nullptr);
          },
          this);
      if (crew_.is_over()) return;
      nap_ns = look_again_ns;
    }
    static_cast<void>(over_.wait(monotonic_ns() + nap_ns));
    if (nap_ns < longest_nap_ns && !nobody_came) nap_ns *= 2;
  }
}

}  // namespace treadle::detail
