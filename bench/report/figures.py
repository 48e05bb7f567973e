#!/usr/bin/env python3
"""Makes docs/figures.md from the rows on record in bench/record.

usage: figures.py [--keep RUN.json...]

With --keep, the rows of these runs, which treadle_bench --json wrote, are put on record first, each with today's date
and the commit that is checked out. They replace those of the same name: a row can be measured again alone.
"""

import argparse
import datetime
import json
import pathlib
import shlex
import subprocess
import sys

RECORD = pathlib.Path(__file__).resolve().parents[1] / "record"

SUBJECT = "treadle"
# What the machine can do at best, or what nobody would choose: shown, never called a rival.
REFERENCES = {"raw", "bound", "serial", "serial_rust", "inline", "coreutils", "seed", "plain", "asking",
              "shared", "scheduled", "limit", "raw_once", "thread", "wrk", "curl_single"}
GROUPS = [
    ("empty/", "Empty tasks", "A task, the tasks touched before. CPU is that of all threads, the producer included."),
    ("wake/", "From submit to start", "One task for a pool that sleeps. `raw` is a semaphore on a futex, no pool."),
    ("trickle", "Trickle", "What the pool adds to the CPU time of running the tasks in place."),
    ("quicksort", "Quicksort",
     "`bound` is the first partition, then two sorts of half the array side by side. treadle forks\n"
     "the halves; `scheduled` is treadle with a task a half, run first in first out."),
    ("fork/", "Forks",
     "`plain` is one opaque call a node, `serial` what the compiler makes of the code as written; `limit` is two\n"
     "plain copies side by side. `asking` looks up its worker, `shared` does so in a shared library."),
    ("work/", "Divide and conquer",
     "The same program for all, but for its forks. `serial`, `plain` and `limit` as above. `openmp` is that\n"
     "of gcc, `libomp` that of clang."),
    ("scaling/", "More workers than processors", "Counters a thousand nodes, with the start of the pool."),
    ("loop/", "Loops", "`tbb` and `rayon` split by themselves, `openmp` and `libomp` into equal parts."),
    ("number/", "Algorithms on numbers",
     "`tbb` is `std::execution::par` on TBB, the sorts of `openmp` and `libomp` those of libstdc++'s parallel mode."),
    ("echo/", "TCP echo",
     "The server has a processor to itself, one client for all the other. CPU is that of the server: its inverse is\n"
     "requests a second of CPU. `raw` is one thread with epoll that makes the same system calls a request, and\n"
     "`raw_once` one that does not ask whether there is more."),
    ("bound/", "Echo beside computations",
     "4,000 messages a second on a fixed schedule, delays counted from when each was due. `thread` is a plain thread\n"
     "in epoll_wait with the computations in threads of their own."),
    ("coroutine/", "Coroutines",
     "Allocations are calls of operator new in the steady state; of Go, all objects; of tokio they are not counted."),
    ("timers/", "Timers", "asio and libuv run all of it on one thread, the others on two."),
    ("http/", "HTTP requests",
     "nginx with one worker has a processor to itself, the client the other; both speak HTTP/1.1. A client is\n"
     "measured from its start to its end, all requests in one process. In flight is how many connections nginx has\n"
     "seen open. `curl` is `curl --parallel`, `curl_single` the same files one after the other, `wrk` a load\n"
     "generator that looks at no body: the limit. aria2c has to open a file for each, here a link to /dev/null."),
    ("install/", "treadle install",
     "The registry is nginx on the same machine, over HTTP, with the tarballs of the lock file. `npm` is\n"
     "`npm ci --ignore-scripts`, `bun` is `bun install --frozen-lockfile --ignore-scripts`, which has taken over the\n"
     "lock file before. Memory is the peak of the largest process; pages of files that are mapped count."),
    ("idle/", "Idle connections", "Memory is anonymous pages of the server."),
    ("idle", "Idle", "The threads of the pool, after work, with nothing to do."),
    ("hash/", "treadle hash", "`evp` is a short program with two threads and the same calls of OpenSSL."),
    ("floor/", "What the machine costs", "No pool: what the figures above are built from."),
]
TROUBLED_LOAD = 0.05


def number(value):
    if value == 0:
        return "0"
    size = abs(value)
    return f"{value:.0f}" if size >= 1000 else f"{value:.1f}" if size >= 100 else f"{value:.2f}"


def spread(figure, scale=None, digits=None):
    """Median and interval, such as `24.1 [23.8, 24.6]`."""
    scale = figure.get("scale", 1) if scale is None else scale
    show = (lambda value: f"{value:.{digits}f}") if digits is not None else number
    return f"{show(figure['median'] * scale)} [{show(figure['low'] * scale)}, {show(figure['high'] * scale)}]"


def figure_of(row, name, index):
    for contender in row["contenders"]:
        if contender["name"] == name:
            return contender["figures"][index]
    return None


def names(row):
    return [contender["name"] for contender in row["contenders"]]


def best_rival(row, index):
    """The rival with the smallest median, and its figure."""
    rivals = [name for name in names(row) if name != SUBJECT and name not in REFERENCES]
    figures = [(figure_of(row, name, index), name) for name in rivals]
    figures = [pair for pair in figures if pair[0]["samples"]]
    return min(figures, key=lambda pair: pair[0]["median"], default=(None, None))


def ratio_text(figure):
    ratio = figure.get("ratio") if figure else None
    return f"{spread(ratio, 1, 3)} {ratio['verdict']}" if ratio else "–"


def bar_text(row, label):
    texts = []
    for bar in row["bars"]:
        if bar["label"] != label:
            continue
        allowed = bar["text"][len(label) + 1:].replace("<=", "≤").rstrip()
        verdict = bar.get("verdict")
        measured = f"{spread(bar, digits=3)}, " if " x " in bar["text"] and verdict else ""
        texts.append(f"{allowed}: {measured}**{verdict}**" if verdict else f"{allowed}: not measured")
    return "<br>".join(texts) or "–"


def summary_lines(row):
    """One line a figure of the row, the memory left out."""
    lines = []
    for index, figure in enumerate(row["contenders"][0]["figures"]):
        if figure["label"] == "peak":
            continue
        ours = figure_of(row, SUBJECT, index)
        rival, rival_name = best_rival(row, index)
        seed = figure_of(row, "seed", index)
        what = f"{figure['label']}, {figure['unit']}" if figure["unit"] else figure["label"]
        cells = [
            row["title"] if not lines else "",
            what,
            spread(ours) if ours else "not measured",
            f"{rival_name} {number(rival['median'] * rival['scale'])}" if rival else "–",
            ratio_text(rival),
            number(seed["median"] * seed["scale"]) if seed else "–",
            bar_text(row, figure["label"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def summary(rows):
    lines = [
        "| row | figure | treadle | best rival | treadle / rival | the seed | bar |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines += summary_lines(row)
    return lines


def floors(rows):
    lines = ["| row | wall, ns |", "|---|---|"]
    for row in rows:
        lines.append(f"| {row['title']} | {spread(row['contenders'][0]['figures'][0])} |")
    return lines


def is_small_memory(ratio, figure):
    """Less than a MiB between two whole processes says more about their C libraries than about pools."""
    return figure["label"] == "peak" and (ratio["median"] - 1) * figure["median"] * figure["scale"] < 1


def losses(rows):
    """Every figure in which a rival is ahead, and every bar that was missed."""
    lines = []
    for row in rows:
        for contender in row["contenders"]:
            if contender["name"] in REFERENCES:
                continue
            for figure in contender["figures"]:
                ratio = figure.get("ratio")
                if ratio and ratio["verdict"] == "behind" and not is_small_memory(ratio, figure):
                    lines.append(f"- {row['title']}: {figure['label']} is behind **{contender['name']}**, "
                                 f"{spread(ratio, 1, 3)} times its figure.")
        for bar in row["bars"]:
            if bar.get("verdict") == "missed":
                lines.append(f"- {row['title']}: the bar {bar['text'].replace('<=', '≤').rstrip()} is missed, "
                             f"{spread(bar, digits=3)}.")
    return lines or ["None."]


def details(kept):
    row = kept["row"]
    figures = row["contenders"][0]["figures"]
    heads = [f"{figure['label']}, {figure['unit']}" if figure["unit"] else figure["label"] for figure in figures]
    lines = [f"### {row['name']}", "", f"{row['title'][0].upper()}{row['title'][1:]}."]
    load = sorted(row["other_load"])[len(row["other_load"]) // 2] if row["other_load"] else 0
    lines[-1] += f" {row['rounds']} rounds, {row['dropped']} dropped for stolen CPU."
    if row["dropped_busy"]:
        lines[-1] += f" {row['dropped_busy']} dropped because other programs kept the machine busy."
    if load > TROUBLED_LOAD:
        lines[-1] += f" Other programs used {load:.0%} of the machine meanwhile."
    lines += ["", f"`{command_to_repeat(kept)}`, {kept['date']}, commit `{kept['commit']}`."]
    lines += ["", "| contender | " + " | ".join(heads) + " | treadle / it, " + heads[0] + " |"]
    lines.append("|---" * (len(heads) + 2) + "|")
    for contender in row["contenders"]:
        cells = [spread(figure) if figure["samples"] else "–" for figure in contender["figures"]]
        lines.append(f"| {contender['name']} | " + " | ".join(cells) + f" | {ratio_text(contender['figures'][0])} |")
    if row["skipped"]:
        lines += ["", "Left out: " + "; ".join(row["skipped"]) + "."]
    return lines + [""]


def command_to_repeat(kept):
    """What a reader types: quoted, for this row alone, and without the places where the run had its files."""
    words = kept["command"].split()[1:]
    for option in ("--json", "--data", "--tool", "--filter"):
        if option in words:
            at = words.index(option)
            del words[at:at + 2]
    return " ".join(["./dev bench", f"'^{kept['row']['name']}$'", *map(shlex.quote, words)])


def group_of(row):
    """The longest prefix of the row's name that names a group."""
    return max((prefix for prefix, _, _ in GROUPS if row["name"].startswith(prefix)), key=len, default="")


def document(record):
    rows = [kept["row"] for kept in record]
    lines = ["# Figures", ""]
    lines += ["Made from `bench/record` by `python3 bench/report/figures.py`; do not edit. Which command measured a",
              "row, when, and at which commit, stands with the figures of all its contenders at the end.", ""]
    for machine in sorted({kept["machine"] for kept in record}):
        lines.append(f"Machine: {machine}.  ")
    lines += [
        "",
        "Every contender of a row runs once a round, in a process of its own and in an order that rotates; rounds in",
        "which the hypervisor took more than 1 % of the machine are dropped. A figure is a median with its 95 %",
        "bootstrap interval. Ratios are taken within a round: below 1 treadle needs less. *Ahead* means the whole",
        "interval lies below 1, *behind* above it, else *equal*. A bar is *met* by the whole interval, *reached* by a",
        "part of it.",
        "Unless the title of a row says otherwise, all pools have as many workers as the machine has processors and",
        "otherwise their default configuration. The seed is the algorithm that treadle started from, written down in",
        "C++ with its defects.",
        "",
    ]
    for prefix, title, note in GROUPS:
        chosen = [row for row in rows if group_of(row) == prefix and row["contenders"]]
        if chosen:
            table = floors(chosen) if prefix == "floor/" else summary(chosen)
            lines += [f"## {title}", "", note, "", *table, ""]
        else:
            lines += [f"## {title}", "", "Not measured yet.", ""]
    lines += ["## What we lose", "", *losses(rows), "", "## Every contender", ""]
    for kept in record:
        if kept["row"]["contenders"]:
            lines += details(kept)
    return "\n".join(lines).rstrip() + "\n"


def keep(path):
    """Puts the rows of a run on record."""
    run = json.loads(path.read_text(encoding="utf-8"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=RECORD.parent, capture_output=True, text=True,
                            check=True).stdout.strip()
    RECORD.mkdir(exist_ok=True)
    for row in run["rows"]:
        kept = {"date": datetime.date.today().isoformat(), "commit": commit, "machine": run["machine"],
                "command": run["command"], "row": row}
        name = row["name"].replace("/", "_") + ".json"
        (RECORD / name).write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def order_of(kept):
    """In the order of the groups; what counts up in it as numbers do."""
    prefixes = [prefix for prefix, _, _ in GROUPS]
    parts = [(int(part), "") if part.isdigit() else (0, part) for part in kept["row"]["name"].split("/")]
    return prefixes.index(group_of(kept["row"])), parts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", default="docs/figures.md")
    parser.add_argument("--keep", nargs="+", type=pathlib.Path, default=[], metavar="RUN.json")
    arguments = parser.parse_args()
    for path in arguments.keep:
        keep(path)
    record = [json.loads(path.read_text(encoding="utf-8")) for path in RECORD.glob("*.json")]
    record.sort(key=order_of)
    pathlib.Path(arguments.output).write_text(document(record), encoding="utf-8")
    print(f"{arguments.output}: {len(record)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
