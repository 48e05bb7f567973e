#pragma once

#include "../install/folder.hpp"
#include "fetch.hpp"

#include <treadle/coro/task.hpp>
#include <treadle/http.hpp>
#include <treadle/io/file.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tool::fetch {

/// How far a file has come.
struct progress {
  std::uint64_t bytes = 0;                   ///< there, with those from before
  std::uint64_t resumed_bytes = 0;           ///< from before
  std::optional<std::uint64_t> total_bytes;  ///< if the server says so
  int status = 0;                            ///< of the last answer
  bool was_there = false;                    ///< nothing had to be fetched
};

/// Fetches one file. What comes is written to a file of another name beside it, `.NAME.treadle-part`, hashed meanwhile,
/// and renamed when it is whole and as expected. Used by one coroutine at a time.
class transfer {
 public:
  /// All of them must outlive it. `on_bytes` is called with how many bytes have come since the last call.
  transfer(treadle::http::client& client, const options& asked, const item& what,
           std::function<void(std::uint64_t)> on_bytes)
      : client_(client), asked_(asked), what_(what), on_bytes_(std::move(on_bytes)) {}

  /// Does it, and tries again what failed on the way. Suspends. Throws install::fault.
  treadle::coro::task<> run();

  [[nodiscard]] const progress& state() const noexcept { return state_; }

 private:
  enum class verdict { done, again, anew };

  [[nodiscard]] std::string place() const { return asked_.folder + '/' + what_.name; }
  [[nodiscard]] std::string part() const { return asked_.folder + "/." + what_.name + std::string(part_ending); }
  [[nodiscard]] std::string source_note() const {
    return asked_.folder + "/." + what_.name + std::string(source_ending);
  }

  treadle::coro::task<bool> is_there_already();
  treadle::coro::task<> take_up();
  treadle::coro::task<> open_part();
  void lock_part();
  [[nodiscard]] std::string read_note() const;
  void start_over();
  treadle::coro::task<verdict> try_once();
  treadle::coro::task<bool> copy_body(treadle::http::stream& body);
  treadle::coro::task<> hash_part(treadle::io::file& from, std::uint64_t bytes);
  [[nodiscard]] treadle::http::request make_request() const;
  [[nodiscard]] bool is_rest(const treadle::http::stream& body) const;
  void expect_length(const treadle::http::stream& body);
  void note_source(const treadle::http::stream& body);
  treadle::coro::task<> finish();
  void clean_up() noexcept;

  treadle::http::client& client_;
  const options& asked_;
  const item& what_;
  std::function<void(std::uint64_t)> on_bytes_;
  install::handle lock_;  ///< the part, and the lock on it
  treadle::io::file file_;
  std::optional<install::running_digest> hash_;
  std::string validator_;  ///< of what the part is a part of: an ETag, or a date; empty: it cannot be gone on with
  std::string why_;
  progress state_;
};

}  // namespace tool::fetch
