#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace load {

/// Connections to an echo server, all driven by one thread over one epoll instance. What cannot happen on a loopback
/// between two sane programs ends this one with a message.
class clients {
 public:
  /// Connects `count` of them, which send messages of `bytes`.
  clients(std::uint16_t port, std::size_t count, std::size_t bytes);
  clients(const clients&) = delete;
  clients& operator=(const clients&) = delete;
  /// Resets the connections, so that none stays behind in the kernel.
  ~clients();

  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
  /// Sends one message on a connection that waits for none.
  void send(std::size_t index);
  /// Sleeps until something came, or `until_ns` (CLOCK_MONOTONIC) has passed. Calls `whole(index)` for each connection
  /// whose message is back.
  template <class Whole>
  void receive(std::uint64_t until_ns, Whole whole) {
    const int count = wait(until_ns);
    for (int i = 0; i < count; ++i) {
      if (const std::size_t index = ready_[static_cast<std::size_t>(i)]; take(index)) whole(index);
    }
  }
  /// Sends a message on each connection and waits for all answers.
  void round_trip();

 private:
  struct connection {
    int socket = -1;
    std::size_t missing = 0;
  };

  int wait(std::uint64_t until_ns);
  bool take(std::size_t index);

  int epoll_ = -1;
  std::vector<connection> all_;
  std::vector<char> message_;
  std::vector<char> room_;
  std::vector<std::size_t> ready_;
};

}  // namespace load
