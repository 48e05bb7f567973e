#!/usr/bin/env python3
"""Makes a web page of a run of the benchmarks; of two runs, one that says which differences are noise.

usage: page.py RUN.json [OTHER.json] [--out FILE.html]

RUN is what treadle_bench --json wrote, or a folder of rows on record such as bench/record. With OTHER, RUN is before
and OTHER after. The page needs no network and holds no script.
"""

import argparse
import html
import json
import pathlib
import string
import sys

sys.dont_write_bytecode = True
from figures import REFERENCES, SUBJECT, figure_of, number  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
STYLES = [HERE.parents[1] / "tools/treadle/report/base.css", HERE / "page.css"]
TONES = {"ahead": "good", "met": "good", "less": "good", "behind": "bad", "missed": "bad", "more": "bad",
         "reached": "note"}


class Trouble(Exception):
    """What cannot be done, in a line."""


def text(value):
    return html.escape(str(value), quote=True)


def label_of(figure):
    return f"{figure['label']}, {figure['unit']}" if figure["unit"] else figure["label"]


def load(path):
    """A run: its machine, command, and rows by name."""
    try:
        if path.is_dir():
            kept = [json.loads(each.read_text(encoding="utf-8")) for each in sorted(path.glob("*.json"))]
            rows, machine, command = [each["row"] for each in kept], kept[0]["machine"], "rows on record"
        else:
            run = json.loads(path.read_text(encoding="utf-8"))
            rows, machine, command = run["rows"], run["machine"], run["command"]
        return {"name": path.name, "machine": machine, "command": command,
                "rows": {row["name"]: row for row in rows if row["contenders"]}}
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Trouble(f"{path}: no run of treadle_bench; give what its --json wrote") from error


def verdict(word):
    return f'<span class="verdict {TONES.get(word, "")}">{text(word)}</span>'


def range_text(figure, scale=None, digits=None):
    scale = figure.get("scale", 1) if scale is None else scale
    show = (lambda value: f"{value:.{digits}f}") if digits is not None else number
    low, high = show(figure["low"] * scale), show(figure["high"] * scale)
    return f"{show(figure['median'] * scale)} <span class='soft'>[{low}, {high}]</span>"


def table(caption, heads, lines):
    """heads: text; lines: lists of HTML cells, the first one a heading."""
    head = "".join(f'<th scope="col">{text(each)}</th>' for each in heads)
    body = "".join(f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
                   for first, *cells in lines)
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
            f'<caption class="hidden">{text(caption)}</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


# ---- one run -------------------------------------------------------------------------------------------------------


def step_of(most):
    """A round number, so that a scale up to `most` has three to six ticks."""
    size = 10.0 ** len(str(int(most))) if most >= 1 else 1.0
    while size / 5 > most / 3:
        size /= 10
    return next(size * each for each in (2, 1, 0.5, 0.2) if size * each <= most / 3)


def chart(row, index):
    """Each contender's samples, the interval and the median, from nought on."""
    figures = [(each["name"], each["figures"][index]) for each in row["contenders"]]
    figures = [pair for pair in figures if pair[1]["samples"]]
    what = row["contenders"][0]["figures"][index]
    if not figures:
        return ""
    scale = what["scale"]
    most = scale * max(max(figure["high"], sorted(figure["samples"])[int(len(figure["samples"]) * 0.9)])
                       for _, figure in figures)
    if most <= 0:
        return ""
    figures.sort(key=lambda pair: pair[1]["median"])
    left, width, line = 120, 520, 26
    height = line * len(figures) + 28

    def x(value):
        return left + min(value / most, 1.04) * (width - left - 30)

    title = label_of(what)
    parts = [f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" '
             f'aria-label="{text(row["title"])}: {text(title)}">']
    step, at = step_of(most), 0.0
    while at <= most:
        parts.append(f'<line class="grid" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="0" y2="{height - 22}"/>'
                     f'<text class="soft" x="{x(at):.1f}" y="{height - 8}" text-anchor="middle">{at:g}</text>')
        at = round(at + step, 9)
    for place, (name, figure) in enumerate(figures):
        y = line * place + line / 2
        kind = "ours" if name == SUBJECT else "reference" if name in REFERENCES else "other"
        median = number(figure["median"] * scale)
        parts.append(f'<g class="{kind}"><title>{text(name)}: {median} {text(what["unit"])}</title>'
                     f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{text(name)}</text>')
        low, middle, high = (x(figure[each] * scale) for each in ("low", "median", "high"))
        parts += [f'<circle class="sample" cx="{x(each * scale):.1f}" cy="{y}" r="2.5"/>' for each in figure["samples"]]
        parts.append(f'<line class="range" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
                     f'<circle class="median" cx="{middle:.1f}" cy="{y}" r="4.5"/></g>')
    return f"<div><h3>{text(title)}</h3>{''.join(parts)}</svg></div>"


def row_section(row):
    charts = "".join(chart(row, index) for index in range(len(row["contenders"][0]["figures"])))
    heads, lines = ["contender"], []
    for figure in row["contenders"][0]["figures"]:
        heads += [label_of(figure), "treadle / it"]
    for contender in row["contenders"]:
        cells = [text(contender["name"])]
        for figure in contender["figures"]:
            ratio = figure.get("ratio")
            cells.append(range_text(figure) if figure["samples"] else "–")
            cells.append(f"{range_text(ratio, 1, 3)} {verdict(ratio['verdict'])}" if ratio else "–")
        lines.append(cells)
    bars = "".join(f"<li>{text(bar['text'].replace('<=', '≤'))} {verdict(bar['verdict'])}</li>"
                   for bar in row["bars"] if bar.get("verdict"))
    skipped = f"<p>Left out: {text('; '.join(row['skipped']))}.</p>" if row["skipped"] else ""
    dropped = row["dropped"] + row.get("dropped_busy", 0)
    rounds = f"{int(row['rounds'])} rounds, {int(dropped)} dropped"
    return (f'<section id="{text(row["name"])}"><h2>{text(row["name"])}</h2>'
            f'<p>{text(row["title"])}. {rounds}.</p><ul class="bars">{bars}</ul>'
            f'<div class="charts">{charts}</div><details><summary>Figures</summary>'
            f"{table(row['title'], heads, lines)}</details>{skipped}</section>")


def overview(run):
    """A line a row: wall and CPU time beside the fastest rival's."""
    lines = []
    for row in run["rows"].values():
        for index, figure in enumerate(row["contenders"][0]["figures"]):
            rivals = [(each["figures"][index], each["name"]) for each in row["contenders"]
                      if each["name"] not in REFERENCES and each["figures"][index].get("ratio")]
            ours = figure_of(row, SUBJECT, index)
            if not rivals or ours is None or figure["label"] == "peak":
                continue
            rival, name = min(rivals, key=lambda pair: pair[0]["median"])
            link = f'<a class="link" href="#{text(row["name"])}">{text(row["name"])}</a>'
            theirs = number(rival["median"] * rival["scale"])
            lines.append([link, text(label_of(figure)), range_text(ours), f"{text(name)} {theirs}",
                          range_text(rival["ratio"], 1, 3), verdict(rival["ratio"]["verdict"])])
    heads = ["row", "figure", "treadle", "best rival", "treadle / rival", ""]
    title = "Beside the best rival"
    return f"<section><h2>{title}</h2>{table(title, heads, lines)}</section>" if lines else ""


def tiles(pairs):
    each = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="tiles">{each}</dl>'


def count_verdicts(run):
    found = {"ahead": 0, "equal": 0, "behind": 0}
    for row in run["rows"].values():
        for contender in row["contenders"]:
            for figure in contender["figures"]:
                if contender["name"] not in REFERENCES and figure.get("ratio"):
                    found[figure["ratio"]["verdict"]] = found.get(figure["ratio"]["verdict"], 0) + 1
    return found


def page_of_run(run):
    found = count_verdicts(run)
    figures = [(f"Figures {word}", count) for word, count in found.items()]
    return (tiles([("Rows", len(run["rows"])), *figures]) + overview(run) +
            "".join(row_section(row) for row in run["rows"].values()))


# ---- two runs ------------------------------------------------------------------------------------------------------


def compare(before, after):
    """What became of a figure: `less` or `more` where the intervals lie apart, else `noise`. And by how much."""
    if not before["samples"] or not after["samples"]:
        return None
    if before["median"] == 0:
        change = 1.0 if after["median"] == 0 else float("inf")
    else:
        change = after["median"] / before["median"]
    if after["high"] < before["low"]:
        return "less", change
    if after["low"] > before["high"]:
        return "more", change
    return "noise", change


def changes(before, after):
    """For each figure of treadle in both runs: its verdict, its change, and the median change of its rivals."""
    for name, row in before["rows"].items():
        other = after["rows"].get(name)
        if other is None:
            continue
        labels = [figure["label"] for figure in other["contenders"][0]["figures"]]
        for index, figure in enumerate(row["contenders"][0]["figures"]):
            if figure["label"] not in labels:
                continue
            there = labels.index(figure["label"])
            moved, ours = [], None
            for contender in row["contenders"]:
                now = figure_of(other, contender["name"], there)
                found = compare(contender["figures"][index], now) if now else None
                if found and contender["name"] == SUBJECT:
                    ours = (*found, contender["figures"][index], now)
                elif found:
                    moved.append(found[1])
            if ours:
                yield row, figure, ours, sorted(moved)[len(moved) // 2] if moved else None


def percent(change):
    return "–" if change is None else "×∞" if change == float("inf") else f"{(change - 1) * 100:+.1f} %"


def page_of_two(before, after):
    lines, found = [], {"less": 0, "noise": 0, "more": 0}
    for row, figure, (word, change, was, now), moved in changes(before, after):
        # Where all others went the same way, it was the machine.
        went_along = moved is not None and (moved < 1) == (change < 1) and abs(moved - 1) > abs(change - 1) / 2
        shown = "machine" if went_along and word != "noise" else word
        found[shown] = found.get(shown, 0) + 1
        lines.append([text(row["name"]), text(label_of(figure)), range_text(was), range_text(now), percent(change),
                      percent(moved), verdict(shown)])
    lines.sort(key=lambda line: "noise" in line[-1])
    heads = ["row", "figure", "before", "after", "change", "others", ""]
    alone = sorted(set(before["rows"]) ^ set(after["rows"]))
    missing = f"<p>In one of the runs only: {text(', '.join(alone))}.</p>" if alone else ""
    strange = ("<p>The machines differ: nothing can be said of what the code has to do with it.</p>"
               if before["machine"] != after["machine"] else "")
    names = {"less": "Need less now", "noise": "Noise", "more": "Need more now", "machine": "The machine's doing"}
    return (tiles((names[word], count) for word, count in found.items()) +
            "<section><h2>Before and after</h2><p>A figure is a median with its 95 % interval. <em>Noise</em>: the "
            "intervals overlap, so that nothing can be said. <em>Machine</em>: what the code does not touch, the other "
            "contenders, moved the same way, by more than half as much.</p>" + strange + missing +
            table("Before and after", heads, lines) + "</section>")


def document(runs):
    style = "".join(each.read_text(encoding="utf-8") for each in STYLES)
    name = " → ".join(run["name"] for run in runs)
    content = page_of_run(runs[0]) if len(runs) == 1 else page_of_two(*runs)
    machines = " · ".join(dict.fromkeys(run["machine"] for run in runs))
    commands = "".join(f"<p><code>{text(run['command'])}</code></p>" for run in runs)
    page = string.Template((HERE / "page.html").read_text(encoding="utf-8"))
    return page.substitute(name=text(name), style=style, machines=text(machines), content=content, commands=commands)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path, nargs="+", metavar="RUN.json")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE.html")
    options = parser.parse_args()
    if len(options.run) > 2:
        parser.error("one run is shown, or two compared")
    out = options.out or options.run[-1].with_suffix(".html")
    try:
        runs = [load(path) for path in options.run]
        try:
            page = document(runs)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            names = " or ".join(str(path) for path in options.run)
            raise Trouble(f"{names}: no run of treadle_bench ({error!r}); give what its --json wrote") from error
        try:
            out.write_text(page, encoding="utf-8")
        except OSError as error:
            raise Trouble(f"{out}: {error.strerror}") from error
    except Trouble as trouble:
        print(f"page.py: {trouble}", file=sys.stderr)
        return 1
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
