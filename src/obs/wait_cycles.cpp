#include "wait_cycles.hpp"

#include "../core/context.hpp"

#include <treadle/detail/future_state.hpp>
#include <treadle/detail/pool_core.hpp>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace treadle::obs {

namespace {

using detail::pool_core;
using detail::pool_record;
using detail::wait_kind;
using detail::wait_link;

/// The pools that are looked after. Never destroyed: a watchdog may be a static.
struct looked_after {
  std::mutex mutex;  ///< also held for a look: only one at a time has the locks of many workers
  std::vector<const pool_core*> pools;
};

looked_after& all_pools() {
  static looked_after* const made = new looked_after;
  return *made;
}

/// A wait, as far as it may be read when the workers go on.
struct wait {
  const wait_link* link = nullptr;
  const pool_core* pool = nullptr;  ///< not to be followed
  const char* pool_name = nullptr;
  std::uint32_t worker = 0;
  std::uint64_t runs = 0;  ///< the site of what the worker runs
  wait_kind kind{};
  std::uint64_t what = 0;
  const void* awaited = nullptr;
  std::vector<std::size_t> waits_for;  ///< waits that have `awaited` below them on their stack
};

/// All waits of workers at one instant: nobody begins or ends one as long as this lives.
class snapshot {
 public:
  snapshot() = default;
  ~snapshot() {
    for (pool_record* const each : locked_) each->face.links.unlock();
  }
  snapshot(const snapshot&) = delete;
  snapshot& operator=(const snapshot&) = delete;

  /// Under the lock of `from`.
  void enter(const looked_after& from) {
    for (auto each = from.pools.begin(); each != from.pools.end(); ++each) {
      const bool is_new = std::find(from.pools.begin(), each, *each) == each;  // two watchdogs may look after one
      if (is_new && (*each)->is_started() && !(*each)->is_inherited()) enter(**each);
    }
    for (wait& each : all_) {
      const auto holders = holders_.find(each.awaited);
      if (holders != holders_.end()) each.waits_for = holders->second;
    }
  }
  [[nodiscard]] std::vector<wait> take() { return std::move(all_); }

 private:
  void enter(const pool_core& pool) {
    for (std::uint32_t i = 0; i < pool.workers().count(); ++i) {
      pool_core::record* const record = pool.workers().at(i);
      if (record == nullptr) continue;
      auto& worker = static_cast<pool_record&>(*record);
      // Relaxed: who begins to wait meanwhile is seen at the next look; a cycle does not go away.
      if (worker.face.waits_for.load(std::memory_order_relaxed) == nullptr) continue;
      locked_.push_back(&worker);
      worker.face.links.lock();
      for (const wait_link* each = worker.face.waits_for.load(std::memory_order_relaxed); each != nullptr;
           each = each->below) {
        enter(*each, pool, worker);
      }
    }
  }
  void enter(const wait_link& link, const pool_core& pool, const pool_record& worker) {
    const std::size_t index = all_.size();
    all_.push_back({&link,
                    &pool,
                    pool.config().name,
                    worker.index,
                    worker.face.runs.load(std::memory_order_relaxed),
                    link.kind,
                    link.what.word(),
                    link.awaited,
                    {}});
    for (const auto* each = link.tasks; each != nullptr; each = each->below()) holders_[each].push_back(index);
    for (const auto* each = link.children; each != nullptr; each = each->below) holders_[each->scope].push_back(index);
    for (const auto* each = link.branches; each != nullptr; each = each->below) holders_[each->branch].push_back(index);
  }

  std::vector<pool_record*> locked_;
  std::vector<wait> all_;
  std::unordered_map<const void*, std::vector<std::size_t>> holders_;
};

/// Walks from wait to wait, and keeps where it has come from.
class walk {
 public:
  explicit walk(const std::vector<wait>& all) : all_(all), seen_(all.size(), state::unseen) {}

  /// Returns the cycles that are found when each wait is gone into once.
  [[nodiscard]] std::vector<std::vector<std::size_t>> cycles() {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (seen_[i] == state::unseen) go_from(i);
    }
    return std::move(found_);
  }

 private:
  enum class state { unseen, on_path, done };
  struct step {
    std::size_t at;
    std::size_t next = 0;
  };

  void go_from(std::size_t first) {
    path_.push_back({first});
    seen_[first] = state::on_path;
    while (!path_.empty()) {
      step& now = path_.back();
      if (now.next == all_[now.at].waits_for.size()) {
        seen_[now.at] = state::done;
        path_.pop_back();
        continue;
      }
      const std::size_t to = all_[now.at].waits_for[now.next++];
      if (seen_[to] == state::unseen) {
        seen_[to] = state::on_path;
        path_.push_back({to});
      } else if (seen_[to] == state::on_path) {
        keep_from(to);
      }
    }
  }
  void keep_from(std::size_t first) {
    std::vector<std::size_t> cycle;
    auto each = std::find_if(path_.begin(), path_.end(), [&](const step& one) { return one.at == first; });
    for (; each != path_.end(); ++each) cycle.push_back(each->at);
    found_.push_back(std::move(cycle));
  }

  const std::vector<wait>& all_;
  std::vector<state> seen_;
  std::vector<step> path_;
  std::vector<std::vector<std::size_t>> found_;
};

std::string text_of(std::uint64_t site, site_names& names) {
  const site_name& name = names.of(site);
  return name.full.empty() ? name.brief : name.full;
}

std::string name_of(const wait& which, const pool_core& here) {
  std::string text = "worker " + std::to_string(which.worker);
  if (which.pool == &here) return text;
  return text + " of pool " + (which.pool_name != nullptr ? which.pool_name : "treadle");
}

/// What is waited for, and that `holder` has it on its stack.
std::string awaited_text(const wait& waiter, const std::string& holder, site_names& names) {
  if (waiter.kind == wait_kind::children) return "the children of a scope, of which " + holder + " runs one";
  if (waiter.kind == wait_kind::fork) return "a stolen branch, which " + holder + " runs";
  return text_of(waiter.what, names) + ", which " + holder + " runs";
}

std::string text_of(const std::vector<std::size_t>& cycle, const std::vector<wait>& all, const pool_core& here,
                    site_names& names) {
  std::string text = "workers wait for each other: ";
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const wait& waiter = all[cycle[i]];
    const wait& holder = all[cycle[(i + 1) % cycle.size()]];
    if (i != 0) text += "; ";
    text += name_of(waiter, here) + " runs " + text_of(waiter.runs, names) + " and waits for " +
            awaited_text(waiter, name_of(holder, here), names);
  }
  return text;
}

}  // namespace

wait_cycles::wait_cycles(const pool_core& pool) : pool_(pool) {
  looked_after& pools = all_pools();
  const std::lock_guard lock(pools.mutex);
  pools.pools.push_back(&pool);
}

wait_cycles::~wait_cycles() {
  looked_after& pools = all_pools();
  const std::lock_guard lock(pools.mutex);
  pools.pools.erase(std::find(pools.pools.begin(), pools.pools.end(), &pool_));
}

std::vector<std::string> wait_cycles::look(site_names& names) {
  looked_after& pools = all_pools();
  std::vector<wait> all;
  {
    const std::lock_guard lock(pools.mutex);
    snapshot now;
    now.enter(pools);
    all = now.take();
  }
  // Names are looked up without the locks: that takes one of the loader's, which a worker that begins to wait may have.
  const auto was_reported = [&](const wait_link* link) {
    return std::find(reported_.begin(), reported_.end(), link) != reported_.end();
  };
  std::vector<std::string> made;
  for (const std::vector<std::size_t>& cycle : walk(all).cycles()) {
    const auto any = [&](auto&& holds) { return std::any_of(cycle.begin(), cycle.end(), holds); };
    if (!any([&](std::size_t each) { return all[each].pool == &pool_; })) continue;
    if (!any([&](std::size_t each) { return !was_reported(all[each].link); })) continue;
    made.push_back(text_of(cycle, all, pool_, names));
    for (const std::size_t each : cycle) reported_.push_back(all[each].link);
  }
  return made;
}

}  // namespace treadle::obs
