#!/usr/bin/env python3
"""Reads what gcov has counted in the coverage preset, and says which lines and branches of the library ran.

Usage: coverage.py [--build DIR] [--missing FOLDER]. Writes coverage.json into DIR, build/coverage unless said otherwise;
--missing lists what did not run in the files below FOLDER.

A template is compiled many times. A line has run if it ran in any of these. It has the branches that one instantiation
has, and a branch is taken if any of them took it; gcov lists those of several lambdas one behind the other, which are folded
into one. An instantiation with another number of branches counts for itself. What the model checker runs counts
for lines and branches that the library itself has, and adds none of its own. What runs with a faulty step switched on
does not count.

Left out, because nothing can take it in a program that is right, or because it stands nowhere in the source:
- the arms of a check whose failure ends the process: TREADLE_ASSERT and its like,
- one arm of each `seed_defect(n)`, which is a constant,
- the edges of exceptions, which the compiler draws behind each call that might throw.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
COUNTED = ("include/treadle/detail/", "src/core/", "src/io/", "src/os/")
NEVER_TAKEN = re.compile(r"\bTREADLE_(DEBUG_)?ASSERT\(")
SWITCH = re.compile(r"\bseed_defect\(")
FAULTY = re.compile(r"with_(seed_)?defect")
MODEL = re.compile(r"\bmc::|\bmodel::|_model_|model_policy")


def counter_files(build):
    for folder, _, names in os.walk(build):
        for name in names:
            if name.endswith(".gcda"):
                yield os.path.join(folder, name)


def demangled(names):
    """The readable name of each."""
    names = sorted(names)
    said = subprocess.run(["c++filt"], input="\n".join(names), stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(zip(names, said.split("\n")))


def read_counters(path):
    """What gcov says of one object: (file, line, function, count, how often each branch was taken)."""
    said = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, cwd=os.path.dirname(path), check=True).stdout
    rows = []
    for text in said.splitlines():
        report = json.loads(text)
        for file in report["files"]:
            name = os.path.relpath(os.path.join(report["current_working_directory"], file["file"]), ROOT)
            if not name.startswith(COUNTED):
                continue
            for line in file["lines"]:
                branches = tuple(each["count"] for each in line["branches"] if not each["throw"])
                rows.append((name, line["line_number"], line.get("function_name") or "", line["count"], branches))
    return rows


class line_counts:
    """One line of the source, over all its instantiations."""

    def __init__(self):
        self.count = 0
        self.ours = False  # some instantiation outside the models has code here
        self.shapes = {}   # number of branches -> [in the library, counts]

    def add(self, count, branches, from_model):
        self.count += count
        self.ours = self.ours or not from_model
        if not branches:
            return
        known = self.shapes.setdefault(len(branches), [False, [0] * len(branches)])
        known[0] = known[0] or not from_model
        for i, taken in enumerate(branches):
            known[1][i] += taken

    def folded(self):
        """The counts of each number of branches that the library has, several of a kind folded into one."""
        found = {}
        for size, (ours, counts) in sorted(self.shapes.items()):
            base = next((each for each in found if size % each == 0), None)
            if base is not None:
                for i, taken in enumerate(counts):
                    found[base][i % base] += taken
            elif ours:
                found[size] = list(counts)
        return found.values()

    def branches(self, text):
        """How many branches count, and how many of them were taken."""
        if NEVER_TAKEN.search(text) or not re.search(r"\w", text):
            return 0, 0
        total = taken = 0
        for counts in self.folded():
            missed = sum(1 for count in counts if count == 0)
            impossible = min(missed, len(SWITCH.findall(text)))
            total += len(counts) - impossible
            taken += len(counts) - missed
        return total, taken


def collect(build):
    """All lines that gcov knows of: file -> line -> line_counts."""
    files = collections.defaultdict(lambda: collections.defaultdict(line_counts))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        all_rows = list(workers.map(lambda path: (path, read_counters(path)), sorted(counter_files(build))))
    names = demangled({row[2] for _, rows in all_rows for row in rows})
    for path, rows in all_rows:
        in_models = f"{os.sep}treadle_model.dir{os.sep}" in path
        for file, line, function, count, branches in rows:
            name = names[function]
            if not FAULTY.search(name):
                files[file][line].add(count, branches, in_models or MODEL.search(name) is not None)
    return files


def source_lines(file):
    with open(os.path.join(ROOT, file), encoding="utf-8") as source:
        return [""] + source.read().split("\n")


def summarize(files):
    """For each file what there is, what ran, and what is missing."""
    summary = []
    for file in sorted(files):
        text = source_lines(file)
        entry = {"filename": file, "line_total": 0, "line_covered": 0, "branch_total": 0, "branch_covered": 0,
                 "missing_lines": [], "missing_branches": []}
        for number, line in sorted(files[file].items()):
            if not line.ours or number >= len(text):
                continue
            entry["line_total"] += 1
            entry["line_covered"] += line.count != 0
            total, taken = line.branches(text[number])
            entry["branch_total"] += total
            entry["branch_covered"] += taken
            if line.count == 0:
                entry["missing_lines"].append(number)
            elif taken != total:
                entry["missing_branches"].append((number, taken, total))
        summary.append(entry)
    return summary


def write_report(build):
    """Counts everything, and keeps it in coverage.json."""
    summary = summarize(collect(build))
    with open(os.path.join(build, "coverage.json"), "w", encoding="utf-8") as file:
        json.dump({"files": summary}, file, indent=1)
    return summary


def print_missing(summary, folder):
    for entry in summary:
        if not entry["filename"].startswith(folder):
            continue
        text = source_lines(entry["filename"])
        for number in entry["missing_lines"]:
            print(f"{entry['filename']}:{number}: did not run: {text[number].strip()}")
        for number, taken, total in entry["missing_branches"]:
            print(f"{entry['filename']}:{number}: {taken} of {total} branches: {text[number].strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "coverage"))
    parser.add_argument("--missing", metavar="FOLDER")
    options = parser.parse_args()
    summary = write_report(os.path.abspath(options.build))
    if not summary:
        print("no counters: ./dev test coverage makes them", file=sys.stderr)
        return 1
    if options.missing is not None:
        print_missing(summary, options.missing)
    for entry in summary:
        print("{filename}: {line_covered} of {line_total} lines, {branch_covered} of {branch_total} branches".format(**entry))
    return 0


if __name__ == "__main__":
    sys.exit(main())
