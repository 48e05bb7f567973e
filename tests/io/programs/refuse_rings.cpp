// refuse_rings NUMBER PROGRAM [ARGUMENT...]: runs a program under a filter that answers every call of io_uring with that
// error, as containers do.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

int main(int count, char** words) {
  if (count < 3) return 2;
  const auto error = static_cast<std::uint32_t>(std::atoi(words[1]));
  constexpr std::uint32_t first = 425, last = 427;  // io_uring_setup, _enter, _register, on every machine but two
  std::array<sock_filter, 5> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{static_cast<unsigned short>(rules.size()), rules.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) {
    std::perror("refuse_rings: no filter can be set");
    return 2;
  }
  setenv("TREADLE_TEST_REFUSED", words[1], 1);
  execv(words[2], words + 2);
  std::perror(words[2]);
  return 2;
}
