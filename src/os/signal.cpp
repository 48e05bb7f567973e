#include "os.hpp"

#include <cerrno>
#include <csignal>

namespace treadle::detail::os {

namespace {

/// What was set up before. Written by who has the signal before the handler can be called, and read when it is given
/// back.
struct sigaction before[last_signal + 1];

}  // namespace

int take_signal(int number, void (*handler)(int)) noexcept {
  if (number < 1 || number > last_signal) return -EINVAL;
  if (sigaction(number, nullptr, &before[number]) != 0) return -errno;
  struct sigaction ours {};
  ours.sa_handler = handler;
  ours.sa_flags = SA_RESTART | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  return sigaction(number, &ours, nullptr) == 0 ? 0 : -errno;
}

void give_signal_back(int number) noexcept { static_cast<void>(sigaction(number, &before[number], nullptr)); }

void raise_again(int number) noexcept { static_cast<void>(std::raise(number)); }

bool ends_the_process(int number) noexcept {
  return number == SIGABRT || number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL ||
         number == SIGTERM || number == SIGINT || number == SIGHUP;
}

}  // namespace treadle::detail::os
