#!/usr/bin/env python3
"""Counts the instructions of each kernel_NAME in one object file and of its twin_NAME in another: compare.py OBJDUMP
KERNELS TWINS. A kernel may not be longer than its twin: the Policy costs nothing."""
import re
import subprocess
import sys

# Of these only the way to the first return counts, which is the common one: the rest is rare, and how far the compiler
# copies it into its callers is chance.
FIRST_RETURN_ONLY = {"ring_pop"}
PADDING = re.compile(r"\b(nop|nopw|nopl|data16|cs nop|xchg\s+%ax,%ax)\b")


def functions(objdump, path, prefix):
    """The instructions of each function whose name begins with the prefix, padding left out."""
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    found, name = {}, None
    for line in text.splitlines():
        head = re.match(r"[0-9a-f]+ <(\S+)>:", line)
        if head:
            stem = head.group(1).split(".")[0]  # a cold part counts with its function
            name = stem[len(prefix):] if stem.startswith(prefix) else None
            continue
        instruction = re.match(r"\s+[0-9a-f]+:\s+(.*)", line)
        if name and instruction and not PADDING.search(instruction.group(1)):
            found.setdefault(name, []).append(instruction.group(1))
    return {each: found[each][:found[each].index("ret") + 1] if each in FIRST_RETURN_ONLY else found[each]
            for each in found}


def main():
    objdump, kernels_path, twins_path = sys.argv[1:]
    kernels, twins = functions(objdump, kernels_path, "kernel_"), functions(objdump, twins_path, "twin_")
    worse = sorted(set(kernels) ^ set(twins))
    for name in sorted(set(kernels) & set(twins)):
        print(f"{name:>16}: kernel {len(kernels[name])}, twin {len(twins[name])} instructions")
        if len(kernels[name]) > len(twins[name]):
            worse.append(name)
            print(*kernels[name], "---- twin", *twins[name], sep="\n")
    if worse or len(kernels) < 7:
        print("without an equal:", *worse)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
