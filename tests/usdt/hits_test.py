#!/usr/bin/env python3
"""Probes of a program that runs, hit with their arguments: hits_test.py GDB PROGRAM. Exits with 77 where gdb may not debug
a process."""
import re
import subprocess
import sys
import tempfile


def watch(probe, *arguments):
    shown = "".join(f'printf " %s", {each}\n' if each.startswith("(char") else f'printf " %d", (int){each}\n'
                    for each in arguments)
    return f"break -probe-stap treadle:{probe}\ncommands\nsilent\nprintf \"hit {probe}\"\n{shown}printf \"\\n\"\ncontinue\nend\n"


FILE, LINE = "(char*)((unsigned long)$_probe_arg{0} & 0xffffffffffff)", "((unsigned long)$_probe_arg{0} >> 48)"
SCRIPT = (
    "set pagination off\nset breakpoint pending on\nset print thread-events off\nstart\n"
    + watch("schedule", FILE.format(1), LINE.format(1), "$_probe_arg2")
    + watch("run", "$_probe_arg0", FILE.format(2), LINE.format(2))
    + watch("enter", "$_probe_arg0", FILE.format(2), LINE.format(2))
    + watch("blocked", "$_probe_arg0", "(char*)$_probe_arg1")
    + watch("wake", "$_probe_arg0") + watch("gone", "$_probe_arg0") + "continue\n"
)
EXPECTED = (r"^hit schedule outer 11 1$", r"^hit wake 0$", r"^hit run 0 outer 11$", r"^hit schedule inner 22 1$",
            r"^hit enter 0 inner 22$", r"^hit blocked 0 section$", r"^hit gone 0$")


def main():
    gdb, program = sys.argv[1:]
    with tempfile.NamedTemporaryFile("w", suffix=".gdb") as script:
        script.write(SCRIPT)
        script.flush()
        done = subprocess.run([gdb, "-nx", "-batch", "-x", script.name, program], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=100)
    print(done.stdout)
    if "Temporary breakpoint 1, " not in done.stdout:
        print("gdb cannot run a program here")
        return 77
    missed = [each for each in EXPECTED if not re.search(each, done.stdout, flags=re.MULTILINE)]
    print("missed:", *missed, sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
