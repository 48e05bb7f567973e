#!/usr/bin/env python3
"""The probes that a file's notes name, and how many arguments each has: probes_test.py READELF FILE."""
import re
import subprocess
import sys

EXPECTED = {
    "schedule": 3, "run": 3, "enter": 3, "leave": 1, "search": 1, "park": 2, "up": 1, "gone": 1, "blocked": 3,
    "unblocked": 1, "expose": 2, "steal": 3, "wake": 1, "timer": 2, "io_begin": 2, "io_end": 2,
}
NOTE = re.compile(r"Provider: (\S+)\s+Name: (\S+)\s+Location: .*\n\s+Arguments:(.*)")


def main():
    readelf, path = sys.argv[1:]
    notes = subprocess.run([readelf, "-n", path], stdout=subprocess.PIPE, check=True, text=True).stdout
    found = {}
    for provider, name, arguments in NOTE.findall(notes):
        if provider == "treadle":
            found.setdefault(name, set()).add(len(re.findall(r"-?\d+@", arguments)))
    wrong = {name: found.get(name) for name in EXPECTED.keys() | found.keys()
             if found.get(name) != {EXPECTED.get(name)}}
    for name, counts in sorted(wrong.items()):
        print(f"probe treadle:{name}: {EXPECTED.get(name, 'no such probe')} arguments expected, {counts} found")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
