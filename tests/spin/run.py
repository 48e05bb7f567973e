#!/usr/bin/env python3
"""Checks one model with Spin: run.py MODEL KIND [-DNAME...] --name NAME --work DIR --report FILE --spin SPIN --cc CC

KIND is `safety` (assertions, deadlocks, quiescence), `ltl` (the model's formula under weak fairness), or `fault`:
then the model has a fault switched on, and Spin must find an error. Adds states and depth to the report.
"""
import argparse
import fcntl
import json
import os
import re
import resource
import shutil
import subprocess
import sys

MEMORY_MIB = 900


def build(options, model, kind, defines, folder):
    subprocess.run([options.spin, *defines, "-a", model], cwd=folder, check=True)
    flags = ["-O0" if kind == "fault" else "-O1", "-w", "-DCOLLAPSE", f"-DMEMLIM={MEMORY_MIB}"]
    flags += ["-DNFAIR=3"] if kind == "ltl" else ["-DSAFETY"]
    subprocess.run([options.cc, *flags, "-o", "pan", "pan.c"], cwd=folder, check=True)


def number(pattern, text):
    match = re.search(pattern, text)
    return float(match.group(1)) if match else 0


def faults_of(words, kind, found_error):
    """What is wrong with a search that has ended with these words."""
    faults = []
    if "max search depth too small" in words or "out of memory" in words or "reached -DMEMLIM" in words:
        faults.append("the search was cut short")
    if kind == "fault":
        return faults if found_error else faults + ["the seeded fault was not found"]
    if found_error:
        faults.append("Spin found an error")
    elif "Search not completed" in words:
        faults.append("the search was not completed")
    if kind == "safety" and not re.search(r"unreached in proctype quiescent\n\s*\(0 of", words):
        faults.append("no run came to its end: nothing was checked there")
    return faults


def note(report, name, entry):
    os.makedirs(os.path.dirname(report), exist_ok=True)
    with open(report + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = {}
        if os.path.exists(report):
            with open(report, encoding="utf-8") as file:
                entries = json.load(file)
        entries[name] = entry
        with open(report + ".new", "w", encoding="utf-8") as file:
            json.dump(entries, file, indent=1, sort_keys=True)
        os.replace(report + ".new", report)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("name", "work", "report", "spin", "cc"):
        parser.add_argument("--" + option, required=True)
    parser.add_argument("model")
    parser.add_argument("kind", choices=("safety", "ltl", "fault"))
    options, defines = parser.parse_known_args()
    folder = os.path.join(options.work, options.name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    kind = options.kind
    build(options, options.model, kind, defines + (["-DLTL"] if kind == "ltl" else []), folder)
    command = ["./pan", "-m1000000"] + (["-a", "-f"] if kind == "ltl" else [])
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # Spin and the compiler included
    seconds = used.ru_utime + used.ru_stime
    words = done.stdout
    found_error = number(r"errors: (\d+)", words) > 0
    faults = faults_of(words, kind, found_error) + ([f"pan ended with {done.returncode}"] if done.returncode else [])
    note(options.report, options.name, {
        "model": os.path.basename(options.model), "kind": kind, "defines": " ".join(defines),
        "states": int(number(r"(\d+) states, stored", words)), "depth": int(number(r"depth reached (\d+)", words)),
        "seconds": round(seconds, 1), "megabytes": round(number(r"([\d.]+)\s+total actual memory", words)),
        "error_found": found_error, "passed": not faults})
    if faults:
        print(words)
        if found_error:
            subprocess.run([options.spin, *defines, *(["-DLTL"] if kind == "ltl" else []), "-p", "-g", "-t",
                            options.model], cwd=folder, check=False)
        print(*faults, sep="\n")
        return 1
    print(re.search(r"\d+ states, stored.*", words).group(), f"in {seconds:.1f} s of CPU")
    if kind == "fault":
        print(re.search(r"pan:1: .*", words).group())
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
