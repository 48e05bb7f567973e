#pragma once

#include <treadle/config.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/worker.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace treadle::detail {

/// Who may be inside a stage of a pipeline.
enum class stage_kind : unsigned char { parallel, one_at_a_time, in_order };

/// What of a pipeline does not depend on its types: which token is where, who carries it on, and the end. All of it
/// lies under one mutex, which is never held while a stage runs. States: docs/design/pipeline.md.
class TREADLE_EXPORT pipeline_core : public std::enable_shared_from_this<pipeline_core> {
 public:
  pipeline_core(const pipeline_core&) = delete;
  pipeline_core& operator=(const pipeline_core&) = delete;

  /// Runs the whole pipeline: works along, waits for the others, rethrows.
  void run(worker& self);

 protected:
  pipeline_core(std::size_t tokens, std::vector<stage_kind> kinds, const stop_token* stop);
  virtual ~pipeline_core();

 private:
  /// Fills a token from the source. False: there is no more.
  virtual bool pull(std::size_t token) = 0;
  /// Takes a token through a stage. When it throws, the token is empty.
  virtual void step(std::size_t stage, std::size_t token) = 0;

  static constexpr std::size_t none = SIZE_MAX;

  struct token_state {
    std::uint64_t number = 0;  ///< its item's place in the order of the source
    std::size_t stage = 0;
    bool is_inside = false;  ///< it has been let into its stage
    bool is_empty = false;   ///< its item was lost to an exception; what is left is its turn
  };
  /// The door of a stage that takes one at a time: those who wait, and whose turn it is.
  struct gate {
    bool busy = false;
    std::uint64_t next = 0;            ///< in order: the number whose turn it is; else: of how many it has let in
    std::uint64_t arrived = 0;         ///< how many have come; their places in the queue, if any may be the next
    std::vector<std::size_t> waiting;  ///< by number, modulo the tokens
  };

  void line() noexcept;
  void work(std::unique_lock<std::mutex>& lock, thread_pool& pool) noexcept;
  [[nodiscard]] std::size_t pull_next(std::unique_lock<std::mutex>& lock, thread_pool& pool) noexcept;
  void carry(std::unique_lock<std::mutex>& lock, thread_pool& pool, std::size_t token) noexcept;
  [[nodiscard]] bool enter(std::size_t token);
  void leave(std::size_t stage);
  [[nodiscard]] bool can_pull();
  void unlock_and_hand_on(std::unique_lock<std::mutex>& lock, thread_pool& pool) noexcept;
  void fail() noexcept;
  [[nodiscard]] bool is_over() const noexcept { return has_ended_ && !is_pulling_ && in_flight_ == 0; }

  const std::vector<stage_kind> kinds_;
  const stop_token* const stop_;

  std::mutex mutex_;
  std::condition_variable over_;  ///< one waits: the caller
  std::vector<token_state> tokens_;
  std::vector<gate> gates_;
  std::vector<std::size_t> free_;   ///< tokens without an item
  std::vector<std::size_t> ready_;  ///< tokens that were let in, and that nobody carries
  std::uint64_t pulled_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t lines_ = 1, most_lines_ = 1;  ///< tasks that carry tokens, the caller's among them
  bool is_pulling_ = false, has_ended_ = false, was_stopped_ = false;
  std::exception_ptr error_;  ///< the first
};

}  // namespace treadle::detail
