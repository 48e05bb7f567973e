#!/usr/bin/env python3
"""Code that moves between threads may ask for its worker before and after, even if link-time optimisation shows the
compiler all of treadle: each time the thread's own context is looked up anew.

Usage: one_unit.py COMPILER SOURCE_DIR WORK_DIR. Compiles src/core/context.cpp and a caller as one unit, as
link-time optimisation does it, reads the machine code, and does the same with each of the guards left out.
"""
import os
import re
import subprocess
import sys

CALLER = """
void move_to_another_thread() noexcept;
std::size_t where_am_i() {
  const std::size_t before = treadle::this_worker::index();
  move_to_another_thread();
  return before * 1000 + treadle::this_worker::index();
}
bool is_it_still_me() {
  const treadle::worker* const before = treadle::detail::worker_here();
  move_to_another_thread();
  return before == treadle::detail::worker_here();
}
"""
ACCESSORS, CALLEE = ("_ZN7treadle6detail7contextEv", "_ZN7treadle6detail11worker_hereEv"), "_Z22move_to_another_threadv"
CALLERS = ("_Z10where_am_iv", "_Z14is_it_still_mev")
ASM, ATTRIBUTES = r"asm volatile\([^;]*\);", r"TREADLE_NEVER_INLINE"
# Whatever may be left of the call of an accessor: itself, or what else asks it.
ASKS = re.compile(r"\b(?:callq?|jmp|bl?)\s+(?:" + "|".join(ACCESSORS) + "|_ZN7treadle11this_worker5indexEv)")


class Probe:
    def __init__(self, compiler, source_dir, work_dir):
        self.compiler, self.source_dir, self.work_dir = compiler, source_dir, work_dir
        os.makedirs(work_dir, exist_ok=True)
        with open(os.path.join(source_dir, "src/core/context.cpp"), encoding="utf-8") as file:
            self.source = file.read().replace('#include "context.hpp"', '#include "src/core/context.hpp"')

    def assembly(self, name, source):
        path = os.path.join(self.work_dir, name + ".cpp")
        with open(path, "w", encoding="utf-8") as file:
            file.write(source + CALLER)
        command = [self.compiler, "-std=c++20", "-O3", "-S", "-I", os.path.join(self.source_dir, "include"), "-I",
                   self.source_dir, "-I", os.path.join(self.source_dir, "src/core"), path, "-o", "-"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    @staticmethod
    def body(assembly, function):
        found = re.search(r"^" + function + r":[^\n]*\n(.*?)^\s*\.size\s+" + function, assembly, re.MULTILINE | re.DOTALL)
        return found.group(1) if found else ""

    def looks_anew(self, assembly):
        """How many callers ask again after they have moved, and keep no address of their own."""
        return sum(self.asks_again(self.body(assembly, each)) for each in CALLERS)

    @staticmethod
    def asks_again(caller):
        before, moved, after = caller.partition(CALLEE)
        return bool(moved and ASKS.search(before) and ASKS.search(after)) and "treadle6detail12_GLOBAL__N_1" not in caller


def without(source, pattern):
    changed, count = re.subn(pattern, "", source)
    if count == 0:
        sys.exit(f"context.cpp has lost one of its guards: {pattern}")
    return changed


def main():
    probe = Probe(*sys.argv[1:4])
    compiled = probe.assembly("as_it_is", probe.source)
    if not all(probe.body(compiled, each) for each in ACCESSORS):
        sys.exit("an accessor is no function of its own any more")
    if probe.looks_anew(compiled) != len(CALLERS):
        sys.exit("a caller that moves to another thread keeps what it was told before")
    bare = without(without(probe.source, ASM), ATTRIBUTES)
    if probe.looks_anew(probe.assembly("without_both", bare)):
        sys.exit("this test cannot fail: without any guard a caller does right, too")
    # The guards hold by themselves what they are there for.
    inlined = without(probe.source, ATTRIBUTES)
    if probe.looks_anew(probe.assembly("without_attributes", inlined)):
        sys.exit("this test cannot fail: without the attributes a caller does right, too")
    pure = probe.assembly("without_asm", without(probe.source, ASM))
    version = subprocess.run([probe.compiler, "--version"], check=True, capture_output=True, text=True).stdout
    if "clang" in version:
        if probe.looks_anew(pure) == len(CALLERS):
            sys.exit("this test cannot fail: without the asm statement all callers do right, too")
    elif probe.looks_anew(pure) != len(CALLERS):
        sys.exit("noipa is gone: the compiler may conclude what an accessor returns")
    print("looked up anew: yes; without a guard: no")


if __name__ == "__main__":
    main()
