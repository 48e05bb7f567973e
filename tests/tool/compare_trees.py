#!/usr/bin/env python3
"""Compares two trees: names, kinds, modes, the targets of links and the bytes of files.

Usage: compare_trees.py [--except NAME]... ONE OTHER. Prints a line for each difference; the exit status is 1 if there
are any.
"""
import argparse
import filecmp
import os
import stat
import sys


def read(root):
    """{path: (kind, mode, the target of a link)} of all below root, root itself as ''."""
    found = {}
    todo = [b""]
    while todo:
        path = todo.pop()
        status = os.lstat(os.path.join(root, path) if path else root)
        if stat.S_ISLNK(status.st_mode):
            found[path] = ("link", 0, os.readlink(os.path.join(root, path)))
        elif stat.S_ISDIR(status.st_mode):
            found[path] = ("folder", stat.S_IMODE(status.st_mode), None)
            todo += [os.path.join(path, name) if path else name for name in os.listdir(os.path.join(root, path))]
        else:
            kind = "file" if stat.S_ISREG(status.st_mode) else "special"
            found[path] = (kind, stat.S_IMODE(status.st_mode), None)
    return found


def describe(entry):
    kind, mode, target = entry
    return f"link to {os.fsdecode(target)}" if kind == "link" else f"{kind} {mode:o}"


def differences(one, other, left_out=()):
    one, other = os.fsencode(one), os.fsencode(other)
    left, right = read(one), read(other)
    for path in sorted(left.keys() | right.keys()):
        name = os.fsdecode(path) or "."
        if name in left_out:
            continue
        if path not in right:
            yield f"{name}: only in the first"
        elif path not in left:
            yield f"{name}: only in the second"
        elif left[path] != right[path]:
            yield f"{name}: {describe(left[path])}, and {describe(right[path])} in the second"
        elif left[path][0] == "file" and not filecmp.cmp(os.path.join(one, path), os.path.join(other, path), False):
            yield f"{name}: other bytes"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--except", dest="left_out", action="append", default=[])
    parser.add_argument("one")
    parser.add_argument("other")
    asked = parser.parse_args()
    found = list(differences(asked.one, asked.other, asked.left_out))
    for line in found[:100]:
        print(line)
    if len(found) > 100:
        print(f"... and {len(found) - 100} more")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
