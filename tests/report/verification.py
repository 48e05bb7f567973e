#!/usr/bin/env python3
"""Writes docs/verification.md from what the tests have left: how hard treadle was tried, in figures.

Usage: verification.py [--build DIR] [--out FILE] [--gcov] [--check]. A section without a report in build/ stays as it
is on the page, with the date and commit that it has. --gcov reads the counters of the coverage preset first; --check
writes nothing. Exit status 1: the coverage is below what is asked for, or --check finds no coverage.
"""
import argparse
import datetime
import glob
import json
import os
import re
import subprocess
import sys

import coverage as counters

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
LEAST_LINES, LEAST_BRANCHES = 95.0, 85.0


def newest(build, name):
    """The newest report of this name among the presets' folders, and the preset; None where there is none."""
    found = sorted(glob.glob(os.path.join(build, "*", "tests", name)), key=os.path.getmtime)
    if not found:
        return None, None
    with open(found[-1], encoding="utf-8") as file:
        return json.load(file), os.path.relpath(found[-1], build).split(os.sep)[0]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def number(value):
    return f"{value:,}" if isinstance(value, int) else str(value)


def model_section(build):
    report, preset = newest(build, "model_report.json")
    if report is None:
        return None
    by_name = {}
    for entry in report:
        if entry.get("kind") == "model":
            by_name.setdefault(entry["name"], []).append(entry)
    rows, all_executions = [], 0
    for name, entries in sorted(by_name.items()):
        executions = sum(each["executions"] for each in entries)
        all_executions += executions
        full = [each for each in entries if each["what"] == "exhaustive"]
        bounds = ", ".join(f"{'any' if each['preemptions'] is None else each['preemptions']} preemptions, "
                           f"{'any' if each['stale_reads'] is None else each['stale_reads']} stale reads"
                           for each in full[:1])
        complete = "yes" if full and all(each["complete"] for each in full) else "until its time was over"
        failed = "yes" if any(each["failed"] for each in entries) else "no"
        rows.append((f"`{name}`", number(executions), bounds or "random only", complete, failed))
    return (f"{len(rows)} models, {number(all_executions)} executions (preset {preset}).\n\n"
            + table(("model", "executions", "bounds of the exhaustive part", "complete", "failed"), rows))


def mutant_section(build):
    report, _ = newest(build, "model_report.json")
    entries = sorted((each for each in report or [] if each.get("kind") == "mutants"), key=lambda each: each["name"])
    faults = [each for each in report or [] if each.get("kind") == "fault"]
    if not entries:
        return None
    mutants, caught = (sum(each[key] for each in entries) for key in ("mutants", "caught"))
    argued = sum(each["surviving"] for each in entries)
    rows = [(f"`{each['name'].partition('.')[2]}`", each["mutants"], each["caught"], each["surviving"],
             number(each["executions"])) for each in entries]
    found = sum(1 for each in faults if each["found"] and each["kernel_holds"])
    return (f"Each order that is not relaxed is weakened by one step, each light or heavy barrier left out: {caught} of "
            f"{mutants} are caught; {argued} survive, each of which `tests/model/README.md` argues. {found} of {len(faults)} "
            "faulty steps of others that can be switched on are found, in each of their models.\n\n"
            + table(("kernel", "mutants", "caught", "argued", "executions"), rows))


def spin_section(build):
    report, preset = newest(build, "spin_report.json")
    if report is None:
        return None
    rows = [(f"`{name}`", f"`{entry['defines']}`", number(entry["states"]), number(entry["depth"]),
             "found" if entry["kind"] == "fault" and entry["error_found"] else "missed" if entry["kind"] == "fault"
             else "error" if entry["error_found"] else "none") for name, entry in sorted(report.items())]
    checked = [entry for entry in report.values() if entry["kind"] != "fault"]
    return (f"{len(checked)} searches, each exhaustive: {number(sum(each['states'] for each in checked))} states in "
            f"{sum(each['seconds'] for each in checked):.0f} s of CPU; {len(report) - len(checked)} seeded faults "
            f"(preset {preset}).\n\n" + table(("search", "configuration", "states", "depth", "error"), rows))


def fault_section(build):
    report, _ = newest(build, "fault_report.json")
    if report is None:
        return None
    def rows(of):
        return [(f"`{name}`", *(number(each[key]) for key in ("points", "calls", "failures") if key in each))
                for name, each in sorted(report.get(of, {}).items())]

    return (f"{report['scenarios']} programs, {report['points']} fail points. The first, second, ... use of each point in "
            "each program fails, once and from then on, in a process of its own: "
            f"{number(report['calls'])} such runs, {number(report['failures'])} of which hang, leak, lose something or end "
            "with an error that does not name the cause.\n\n"
            + table(("program", "points", "runs", "failures"), rows("by_scenario")) + "\n\n"
            + table(("point", "runs", "failures"), rows("by_point")))


RECORD = os.path.join(ROOT, "tests", "soak", "record")


def read_record(name):
    path = os.path.join(RECORD, name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def soak_section(_):
    """The record is kept with the sources: its slices add up over all builds."""
    report, cycles = read_record("report.json"), read_record("cycles.json")
    if report is None:
        return None
    wake = report.get("wake_latency_us", {})
    rows = [("hours", f"{report['hours']:.2f}"), ("slices", report["slices"]),
            ("programs, each with pools of its own", number(report["cycles"])), ("tasks", number(report["tasks"])),
            ("failures", report["failures"]), ("longest stall, ms", f"{report['longest_stall_ms']:.1f}")]
    rows += [(f"wake latency {name}, us", wake[name]) for name in ("p50", "p99", "p99.9", "max") if name in wake]
    if cycles is not None:
        rows += [("pools made, used and destroyed in one go", number(cycles["cycles"])),
                 ("that took, s", f"{cycles['seconds']:.0f}")]
    return ("What the slices have come to that are on record in `tests/soak/record`; `./dev test nightly` adds some.\n\n"
            + table(("", ""), rows) + io_soak_text())


def io_soak_text():
    """What random conversations over sockets, pipes and files have come to, by the way they wait."""
    reports = {name: read_record(f"io_{name}.json") for name in ("epoll", "uring")}
    reports = {name: report for name, report in reports.items() if report is not None}
    if not reports:
        return ""
    apart = ("failures", "milliseconds", "rounds", "slices", "cut_short")
    kinds = sorted({kind for report in reports.values() for kind in report} - set(apart))
    named = [("minutes", lambda of: f"{of['milliseconds'] / 60000:.0f}"),
             ("pools, each with a server of its own", lambda of: number(of["rounds"]))]
    rows = [[name] + [get(report) for report in reports.values()] for name, get in named]
    rows += [["conversations: " + kind.replace("_", " ")] + [number(report.get(kind, 0)) for report in reports.values()]
             for kind in kinds]
    rows += [["cut short by their pool's end"] + [number(report["cut_short"]) for report in reports.values()],
             ["handles, threads, objects or frames left, and other failures"]
             + [number(report["failures"]) for report in reports.values()]]
    return ("\n\nRandom conversations (`tests/soak/io_soak.cpp`), every third pool shut down under them:\n\n"
            + table(("", *reports), rows))


# What is counted together, and whether there is a least that is asked for.
COVERED = (("`detail/` and `src/core/`", ("include/treadle/detail/", "src/core/"), True),
           ("`src/io/`, `src/os/`", ("src/io/", "src/os/"), False))


def share(files, what):
    """Which part of the lines or branches of these files ran, in percent."""
    total = sum(each[what + "_total"] for each in files)
    return round(100.0 * sum(each[what + "_covered"] for each in files) / total, 1) if total else 100.0


def coverage_section(build):
    """The text, and whether the figures are good enough."""
    path = os.path.join(build, "coverage", "coverage.json")
    if not os.path.exists(path):
        return None, True
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    sums, rows, enough = [], [], True
    for name, folders, has_floor in COVERED:
        files = sorted((each for each in report["files"] if each["filename"].startswith(folders)),
                       key=lambda each: each["filename"])
        lines, branches = share(files, "line"), share(files, "branch")
        asked = (f"{LEAST_LINES:.0f} % and {LEAST_BRANCHES:.0f} %" if has_floor else "-")
        sums.append((name, f"{lines} %", f"{branches} %", asked))
        if has_floor:
            enough = enough and bool(files) and lines >= LEAST_LINES and branches >= LEAST_BRANCHES
        rows += [(f"`{each['filename']}`", f"{share([each], 'line')} %", f"{share([each], 'branch')} %")
                 for each in files]
    text = ("By the tests of the coverage preset, the models among them; how it is counted: `tests/report/coverage.py`.\n\n"
            + table(("", "lines", "branches", "asked for"), sums) + "\n\n"
            + table(("file", "lines", "branches"), rows))
    return text, enough


def nightly_section(build):
    path = os.path.join(build, "nightly.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        night = json.load(file)
    return f"{night['date']}, commit `{night['commit']}`: {night['passed']} passed, {night['failed']} failed."


LIMITS = """\
- The model checker is bounded: preemptions, stale reads, and the time of a run. It lets stores become visible in the order
  in which they are executed, so it knows no load buffering and no 2+2W (`tests/model/README.md`).
- The Spin models are sequentially consistent pictures of the protocols, with few workers and tasks; `tools/tidy` only says
  when a function has changed that one of them mirrors. A private fork under a running leaf is the one exception to
  "queued and idle do not last", and stated in `tests/spin/fork.pml`.
- Stalls and wake latencies are those of the machine that ran the soak, with whatever else ran there: so far two cores with
  some thirty compilers on them and the soak at the lowest priority, for twenty minutes with hardly any time of its own.
- Coverage counts what the tests execute, not what they check. Branches of exceptions that the compiler makes are left
  out, and so are those of broken invariants and of faulty steps that can be switched on."""


def sections_on(page):
    """What stands on the page: title and text."""
    if not os.path.exists(page):
        return {}
    with open(page, encoding="utf-8") as file:
        parts = re.split(r"^## (.*)\n\n", file.read(), flags=re.MULTILINE)
    return {title: text.strip() for title, text in zip(parts[1::2], parts[2::2])}


def write_page(page, stamp, sections):
    before = sections_on(page)
    with open(page, "w", encoding="utf-8") as file:
        file.write("# How hard treadle was tried\n\nMade by `python3 tests/report/verification.py` from the reports of test "
                   "runs; each section says of which day and commit. What is promised, and by which tests it is held: "
                   "[promises](promises.md).\n")
        for title, text, command in sections:
            if text is not None and command:
                text = f"{stamp}, `{command}`." + ("\n\n" if text.startswith("|") else " ") + text
            elif text is None:
                text = before.get(title) or f"Nothing yet: `{command}` makes the report."
            file.write(f"\n## {title}\n\n{text}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "verification.md"))
    parser.add_argument("--gcov", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    if options.gcov:
        counters.write_report(os.path.join(build, "coverage"))
    coverage, enough = coverage_section(build)
    if options.check:
        print(coverage or "there is no coverage report")
        return 0 if coverage is not None and enough else 1
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True,
                            check=False).stdout.strip() or "unknown"
    write_page(options.out, f"{datetime.date.today().isoformat()}, commit `{commit}`", [
        ("Kernels under the model checker", model_section(build), "./dev test model"),
        ("Mutants", mutant_section(build), "./dev test model"),
        ("Protocols under Spin", spin_section(build), "./dev test release -L spin"),
        ("Fail points", fault_section(build), "./dev test faults -L fault"),
        ("Soak", soak_section(build), ""),
        ("Coverage", coverage, "./dev test coverage"),
        ("Last nightly run", nightly_section(build), "./dev test nightly"), ("Known limits", LIMITS, "")])
    if not enough:
        print("the coverage is below what is asked for", file=sys.stderr)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
