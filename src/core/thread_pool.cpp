#include <treadle/default_pool.hpp>
#include <treadle/thread_pool.hpp>

namespace treadle {

thread_pool::~thread_pool() = default;

std::error_code thread_pool::schedule(batch& work, source_site site) noexcept {
  if (work.empty()) return {};
  // Let go before the push: from then on the tasks, and with them the batch that may live in one, are the pool's.
  batch taken(std::move(work));
  const std::error_code refused = core_.schedule(taken.head_, taken.tail_, taken.size_, detail::site_word::of(site));
  if (refused) work = std::move(taken);
  return refused;
}

namespace {

constinit thread_pool shared_pool{pool_config{.on_destroy = shutdown_mode::cancel}};

}  // namespace

thread_pool& default_pool() noexcept { return shared_pool; }

}  // namespace treadle
