#include "server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>

namespace treadle::test {

namespace {

pool_config workers_only(std::uint32_t workers) {
  pool_config made;
  made.max_threads = workers;
  return made;
}

}  // namespace

server::server(std::uint32_t workers) : pool_(workers_only(workers)) {
  at_ = io::listener::listen(pool_, io::address::loopback(0)).value();
  port_ = at_.local_address().value().port();
  running_ = coro::spawn(pool_, accepts());
}

server::~server() {
  running_.request_stop();
  try {
    running_.wait();
  } catch (const std::system_error&) {
    // asked to stop
  }
}

coro::task<> server::accepts() {
  coro::async_scope all(pool_);
  for (;;) {
    result<io::stream> peer = co_await at_.accept();
    if (!peer) break;
    connections_.fetch_add(1);
    all.spawn(serves(*std::move(peer)));
  }
  all.request_stop();
  co_await all.join();
}

coro::task<> server::serves(io::stream peer) {
  std::string room;
  try {
    for (bool keeps = true; keeps;) {
      visit now(*this, peer, room);
      if (!co_await now.read()) break;
      handler answers;
      {
        const std::lock_guard<std::mutex> exclusive(mutex_);
        const auto found = handlers_.find(now.path);
        if (found != handlers_.end()) answers = found->second;
      }
      if (answers) {
        co_await answers(now);
      } else {
        co_await now.answer(404, "nothing here");
      }
      keeps = now.keeps && static_cast<bool>(peer);
    }
  } catch (const std::system_error&) {
    // The peer is gone, or the test is over.
  }
}

coro::task<bool> server::visit::read_more() {
  std::array<std::byte, 16 * 1024> piece;
  const result<std::size_t> got = co_await peer_->recv(piece);
  if (!got || *got == 0) co_return false;
  room_->append(reinterpret_cast<const char*>(piece.data()), *got);
  co_return true;
}

coro::task<bool> server::visit::read() {
  std::size_t end = 0;
  while ((end = room_->find("\r\n\r\n")) == std::string::npos) {
    if (!co_await read_more()) co_return false;
  }
  at_->count_one();
  is_counted_ = true;
  std::string_view head = std::string_view(*room_).substr(0, end);
  std::size_t line_end = std::min(head.find("\r\n"), head.size());
  const std::string_view first = head.substr(0, line_end);
  method = first.substr(0, first.find(' '));
  const std::string_view rest = first.substr(method.size() + 1);
  const std::string_view target = rest.substr(0, rest.find(' '));
  path = target.substr(0, target.find('?'));
  if (path.size() < target.size()) query = target.substr(path.size() + 1);
  while (line_end < head.size()) {
    head.remove_prefix(line_end + 2);
    line_end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, line_end);
    std::string name(line.substr(0, line.find(':')));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::size_t start = line.find_first_not_of(' ', name.size() + 1);
    headers[name] = start == std::string_view::npos ? "" : std::string(line.substr(start));
  }
  room_->erase(0, end + 4);
  co_return co_await read_body();
}

coro::task<bool> server::visit::read_body() {
  if (headers.count("content-length") != 0) {
    const std::size_t bytes = std::stoul(headers["content-length"]);
    while (room_->size() < bytes) {
      if (!co_await read_more()) co_return false;
    }
    body = room_->substr(0, bytes);
    room_->erase(0, bytes);
  } else if (headers.count("transfer-encoding") != 0) {
    for (;;) {
      std::size_t line_end = 0;
      while ((line_end = room_->find("\r\n")) == std::string::npos) {
        if (!co_await read_more()) co_return false;
      }
      const std::size_t bytes = std::stoul(room_->substr(0, line_end), nullptr, 16);
      while (room_->size() < line_end + 2 + bytes + 2) {
        if (!co_await read_more()) co_return false;
      }
      body.append(*room_, line_end + 2, bytes);
      room_->erase(0, line_end + 2 + bytes + 2);
      if (bytes == 0) break;
    }
  }
  co_return true;
}

void server::visit::reset() {
  const linger at_once{1, 0};
  setsockopt(peer_->socket().number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  leave();
  peer_->close();
  keeps = false;
}

}  // namespace treadle::test
