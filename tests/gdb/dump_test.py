#!/usr/bin/env python3
"""treadle-dump of tools/gdb, in a program that has stopped: dump_test.py GDB SCRIPT PROGRAM. Exits with 77 where gdb may
not debug a process."""
import re
import subprocess
import sys

EXPECTED = (
    r"^pool 0x[0-9a-f]+ name=weaver state=running width=3 .* active=1 parked=1 blocked=1 ",
    r"^worker \d+ blocked in=section runs blocks_at:11 .* thread=[1-9]\d*$",
    r"^worker \d+ runs runs_at:22 ",
    r"^worker \d+ parked .* ran=\d+ thread=",
    r"^end$",
)


def main():
    gdb, script, program = sys.argv[1:]
    # Up from the raised signal to main, which has the pool.
    done = subprocess.run([gdb, "-nx", "-batch", "-ex", "run", "-ex", "source " + script, "-ex", "frame function main",
                           "-ex", "treadle-dump pool", "-ex", "treadle-dump", "-ex", "treadle-dump 17", "-ex", "kill",
                           program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    print(done.stdout)
    if "SIGABRT" not in done.stdout:
        print("gdb cannot run a program here")
        return 77
    missed = [each for each in EXPECTED if not re.search(each, done.stdout, flags=re.MULTILINE)]
    missed += [each for each in ("treadle-dump needs a pool", "17 is no treadle::thread_pool") if each not in done.stdout]
    print("missed:", *missed, sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
