#include "fiber.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#define MC_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MC_ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer)
#define MC_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define MC_THREAD_SANITIZER 1
#endif

#if defined(MC_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(MC_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

// Saves the callee-saved registers on the running stack, stores that stack's pointer and takes the other one's.
extern "C" void mc_switch_context(void** save, void* load) noexcept;

#if defined(__x86_64__)
asm(R"(
.text
.globl mc_switch_context
.type mc_switch_context,@function
mc_switch_context:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size mc_switch_context, .-mc_switch_context
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl mc_switch_context
.type mc_switch_context,@function
mc_switch_context:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size mc_switch_context, .-mc_switch_context
)");
#else
#error "write mc_switch_context for this machine: 20 lines"
#endif

namespace mc {

namespace {
constexpr std::size_t stack_bytes = 256 * 1024;
constexpr std::size_t guard_bytes = 64 * 1024;  // a multiple of every page size in use
#if defined(MC_ADDRESS_SANITIZER)
fiber* switched_from = nullptr;
#endif
}  // namespace

fiber::~fiber() {
  if (stack_ == nullptr) return;
#if defined(MC_THREAD_SANITIZER)
  if (sanitizer_state_ != nullptr) __tsan_destroy_fiber(sanitizer_state_);
#endif
  munmap(stack_, stack_bytes + guard_bytes);
}

void fiber::start(entry_type entry) {
  if (stack_ == nullptr) {
    stack_ = mmap(nullptr, stack_bytes + guard_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack_ == MAP_FAILED || mprotect(stack_, guard_bytes, PROT_NONE) != 0) {
      std::perror("mc: a stack for a fiber");
      std::abort();
    }
  }
  bounds_ = static_cast<char*>(stack_) + guard_bytes;
  bounds_size_ = stack_bytes;
#if defined(MC_ADDRESS_SANITIZER)
  __asan_unpoison_memory_region(bounds_, bounds_size_);
  sanitizer_state_ = nullptr;
#endif
#if defined(MC_THREAD_SANITIZER)
  if (sanitizer_state_ != nullptr) __tsan_destroy_fiber(sanitizer_state_);
  sanitizer_state_ = __tsan_create_fiber(0);
#endif
  auto top = reinterpret_cast<std::uintptr_t>(bounds_) + bounds_size_;
#if defined(__x86_64__)
  // Six registers, the return address on a multiple of 16, a null return address for the entry itself.
  auto* frame = reinterpret_cast<void**>(top - 16 - 48);
  for (int slot = 0; slot < 8; ++slot) frame[slot] = nullptr;
  frame[6] = reinterpret_cast<void*>(entry);
  stack_pointer_ = frame;
#else
  auto* frame = reinterpret_cast<void**>(top - 160);
  for (int slot = 0; slot < 20; ++slot) frame[slot] = nullptr;
  frame[11] = reinterpret_cast<void*>(entry);  // x30
  stack_pointer_ = frame;
#endif
}

void fiber::switch_to(fiber& from, fiber& to) noexcept {
#if defined(MC_ADDRESS_SANITIZER)
  switched_from = &from;
  __sanitizer_start_switch_fiber(&from.sanitizer_state_, to.bounds_, to.bounds_size_);
#endif
#if defined(MC_THREAD_SANITIZER)
  if (from.stack_ == nullptr) from.sanitizer_state_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.sanitizer_state_, 0);
#endif
  mc_switch_context(&from.stack_pointer_, to.stack_pointer_);
#if defined(MC_ADDRESS_SANITIZER)
  __sanitizer_finish_switch_fiber(from.sanitizer_state_, nullptr, nullptr);
#endif
}

void fiber::entered() noexcept {
#if defined(MC_ADDRESS_SANITIZER)
  const void* left = nullptr;
  std::size_t left_size = 0;
  __sanitizer_finish_switch_fiber(nullptr, &left, &left_size);
  if (switched_from->stack_ == nullptr) {
    switched_from->bounds_ = left;
    switched_from->bounds_size_ = left_size;
  }
#endif
}

}  // namespace mc
