#!/usr/bin/env python3
"""Writes docs/verification.md from what the tests have left in build/: how hard treadle was tried, in figures.

Usage: verification.py [--build DIR] [--out FILE] [--gcovr]. --gcovr reads the counters of the coverage preset first.
Exit status 1: the coverage is below what is asked for.
"""
import argparse
import datetime
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
LEAST_LINES, LEAST_BRANCHES = 95.0, 85.0


def newest(build, name):
    """The newest report of this name among the presets' folders, and the preset; None where there is none."""
    found = sorted(glob.glob(os.path.join(build, "*", "tests", name)), key=os.path.getmtime)
    if not found:
        return None, None
    with open(found[-1], encoding="utf-8") as file:
        return json.load(file), os.path.relpath(found[-1], build).split(os.sep)[0]


def absent(command):
    return f"No report in this build: `{command}` makes it."


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def number(value):
    return f"{value:,}" if isinstance(value, int) else str(value)


def model_section(build):
    report, preset = newest(build, "model_report.json")
    if report is None:
        return absent("./dev test model")
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
    entries = [each for each in report or [] if each.get("kind") == "mutants" and each.get("mutants")]
    if not entries:
        return absent("./dev test model")
    live = sum(each["mutants"] - each["equivalent"] for each in entries)
    caught = sum(each["caught"] for each in entries)
    rows = [(f"`{each['name']}`", each["mutants"], each["caught"], each["equivalent"],
             ", ".join(map(str, each["survivors"])) or "none") for each in entries]
    return (f"Score: {caught} of {live} live mutants caught ({100 * caught / live:.1f} %).\n\n"
            + table(("kernel", "mutants", "caught", "equivalent", "survivors"), rows))


def spin_section(build):
    report, preset = newest(build, "spin_report.json")
    if report is None:
        return absent("./dev test release -L spin")
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
        return absent("./dev test faults")
    rows = [(f"`{name}`", number(each["calls"]), number(each["failures"]))
            for name, each in sorted(report.get("by_point", {}).items())]
    return (f"{report['scenarios']} scenarios, {report['points']} points, {number(report['failures'])} failures in "
            f"{number(report['calls'])} calls.\n\n" + table(("point", "calls", "failures"), rows))


def soak_section(build):
    report, _ = newest(build, "soak_report.json")
    if report is None:
        return absent("./dev test nightly")
    wake = report.get("wake_latency_us", {})
    rows = [("hours", f"{report['hours']:.2f}"), ("slices", report["slices"]),
            ("create, use, destroy cycles", number(report["cycles"])), ("tasks", number(report["tasks"])),
            ("failures", report["failures"]), ("longest stall, ms", f"{report['longest_stall_ms']:.1f}")]
    rows += [(f"wake latency {name}, us", wake[name]) for name in ("p50", "p99", "p99.9", "max") if name in wake]
    return table(("", ""), rows)


def run_gcovr(build):
    subprocess.run(["gcovr", "-r", ROOT, "--filter", ".*/include/treadle/detail/", "--filter", ".*/src/core/",
                    "--exclude-throw-branches", "--exclude-unreachable-branches", "--json-summary",
                    os.path.join(build, "coverage", "coverage.json"), os.path.join(build, "coverage")], check=True)


def coverage_section(build):
    """The text, and whether the figures are good enough."""
    path = os.path.join(build, "coverage", "coverage.json")
    if not os.path.exists(path):
        return absent("./dev test coverage; python3 tests/report/verification.py --gcovr"), True
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    lines, branches = report["line_percent"], report["branch_percent"]
    percent = lambda value: "-" if value is None else f"{value} %"  # noqa: E731
    rows = [(f"`{each['filename']}`", percent(each["line_percent"]), percent(each["branch_percent"]))
            for each in sorted(report["files"], key=lambda each: each["filename"])]
    text = (f"Lines {lines} % (asked for: {LEAST_LINES:.0f} %), branches {branches} % ({LEAST_BRANCHES:.0f} %), by the "
            f"unit, process and stress tests.\n\n" + table(("file", "lines", "branches"), rows))
    return text, lines >= LEAST_LINES and branches >= LEAST_BRANCHES


def nightly_section(build):
    path = os.path.join(build, "nightly.json")
    if not os.path.exists(path):
        return absent("./dev test nightly")
    with open(path, encoding="utf-8") as file:
        night = json.load(file)
    return f"{night['date']}, commit `{night['commit']}`: {night['passed']} passed, {night['failed']} failed."


LIMITS = """\
- The model checker is bounded: preemptions, stale reads, and the time of a run. It lets stores become visible in the order
  in which they are executed, so it knows no load buffering and no 2+2W (`tests/model/README.md`).
- The Spin models are sequentially consistent pictures of the protocols, with few workers and tasks; `tools/tidy` only says
  when a function has changed that one of them mirrors. A private fork under a running leaf is the one exception to
  "queued and idle do not last", and stated in `tests/spin/fork.pml`.
- Wake latencies are those of the machine that ran the soak, with whatever else ran there.
- Coverage counts what the tests execute, not what they check; branches of exceptions that the compiler makes are left
  out."""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "verification.md"))
    parser.add_argument("--gcovr", action="store_true")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    if options.gcovr:
        run_gcovr(build)
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True,
                            check=False).stdout.strip() or "unknown"
    coverage, enough = coverage_section(build)
    sections = [
        ("Kernels under the model checker", model_section(build)), ("Mutants", mutant_section(build)),
        ("Protocols under Spin", spin_section(build)), ("Fail points", fault_section(build)),
        ("Soak", soak_section(build)), ("Coverage", coverage), ("Last nightly run", nightly_section(build)),
        ("Known limits", LIMITS)]
    today = datetime.date.today().isoformat()
    with open(options.out, "w", encoding="utf-8") as page:
        page.write(f"# How hard treadle was tried\n\nMade on {today} at commit `{commit}` by "
                   "`python3 tests/report/verification.py`, from the reports of the test runs in `build`. "
                   "What is promised, and by which tests it is held: [promises](promises.md).\n")
        for title, text in sections:
            page.write(f"\n## {title}\n\n{text}\n")
    if not enough:
        print("the coverage is below what is asked for", file=sys.stderr)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
