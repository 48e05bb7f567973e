#pragma once

#include <random.hpp>

#include <treadle/io.hpp>
#include <treadle/treadle.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>

namespace treadle::test {

/// What happens to a conversation.
enum class fate : std::size_t {
  whole,          ///< messages to and fro, to the end
  left,           ///< closed with an answer under way
  reset,          ///< the client resets it
  reset_by_peer,  ///< the server does
  timed_out,      ///< the server says nothing
  cancelled,      ///< the same, and the client is asked to stop
  refused,        ///< nobody listens
  raced,          ///< connected to whichever of two addresses answers
  datagrams,
  piped,  ///< through a pipe, whose reader goes first
  filed,  ///< through a file
  slept,
};
inline constexpr std::array fate_names{"whole",   "left",  "reset",     "reset_by_peer", "timed_out", "cancelled",
                                       "refused", "raced", "datagrams", "piped",         "filed",     "slept"};

/// What all conversations of a soak have come to.
struct conversation_counts {
  std::array<std::atomic<std::uint64_t>, fate_names.size()> ends{};
  std::atomic<std::uint64_t> cut_short{0};  ///< by the end of their pool
  std::atomic<std::uint64_t> failures{0};

  /// Prints it, and goes on: what follows may say more.
  void fail(const std::string& what);
};

/// A pool with a server on it, whom clients ask, until all are through or the pool is shut down under them.
class conversations {
 public:
  conversations(conversation_counts& counts, std::uint64_t seed, std::uint32_t workers);
  conversations(const conversations&) = delete;
  conversations& operator=(const conversations&) = delete;
  /// `finish` has been called.
  ~conversations();

  /// Runs `count` conversations, and waits for their ends.
  void run(std::size_t count);
  /// Starts `count`, and shuts the pool down soon after.
  void cut_short(std::size_t count);

  /// Ends the pool, and looks that no connection outlasts it.
  void finish();

  [[nodiscard]] thread_pool& pool() noexcept { return pool_; }

 private:
  friend struct talk;

  void end(shutdown_mode how);

  conversation_counts& counts_;
  random_source random_;
  std::atomic<bool> may_be_cut_{false};
  std::atomic<std::size_t> files_{0};
  std::string directory_;  ///< its own
  int reserved_ = -1;      ///< a socket that has the address where nobody listens
  io::address nobody_;
  thread_pool pool_;
  io::listener at_;
  std::atomic<std::size_t> callbacks_{0};  ///< connections that callbacks serve
};

}  // namespace treadle::test
