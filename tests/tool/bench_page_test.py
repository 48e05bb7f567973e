"""The page of the benchmarks: what it says of one run and of two, from runs whose figures are known."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "bench/report/page.py"


def figure(median, spread=0.02, against=None, label="wall"):
    made = {"label": label, "unit": "ns", "scale": 1, "median": median, "low": median * (1 - spread), "high": median * (1 + spread),
            "samples": [median * (1 - spread), median, median * (1 + spread)]}
    if against:
        ratio = against / median
        made["ratio"] = {"median": ratio, "low": ratio * 0.98, "high": ratio * 1.02, "verdict": "ahead" if ratio < 1 else "behind"}
    return made


def row(name, ours, theirs, spread=0.02, title="tasks"):
    return {"name": name, "title": title, "rounds": 3, "dropped": 1, "dropped_busy": 0, "other_load": [0],
            "contenders": [{"name": "treadle", "figures": [figure(ours, spread)]},
                           {"name": "tbb", "figures": [figure(theirs, spread, ours)]}],
            "bars": [{"text": "wall <= 1.000 x tbb", "label": "wall", "limit": 1, "verdict": "met"}], "skipped": ["go: not <here>"]}


class BenchPage(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="treadle-bench-page-")
        self.addCleanup(self.folder.cleanup)

    def write(self, name, rows, machine="m"):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"machine": machine, "command": "treadle_bench <x>", "rows": rows}, file)
        return path

    def page(self, *paths):
        out = os.path.join(self.folder.name, "page.html")
        subprocess.run([sys.executable, "-B", SCRIPT, *paths, "--out", out], check=True, stdout=subprocess.DEVNULL)
        with open(out, encoding="utf-8") as file:
            return file.read()

    def lines(self, page):
        """The table of changes, as text."""
        rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", page)
        return {re.split("<", each)[0]: re.sub("<[^>]+>", " ", each).split()[-3:] for each in rows}

    def test_one_run(self):
        page = self.page(self.write("a.json", [row("empty/a", 50, 100, title="<script>"), row("empty/b", 300, 100)]))
        for words in ("tbb 100.0", "0.500", "ahead", "3.000", "behind", "wall ≤ 1.000 x tbb", "met", "3 rounds, 1 dropped",
                      "go: not &lt;here&gt;", "&lt;script&gt;"):
            self.assertIn(words, page)
        self.assertEqual(page.count("<svg class=\"chart\""), 2)
        self.assertEqual(page.count("class=\"sample\""), 12)
        self.assertNotRegex(page, r"(?i)<script|https?://|@import|url\(|\bsrc=")

    def test_two_runs_say_what_is_noise(self):
        before = self.write("a.json", [row("same", 100, 100), row("less", 100, 100), row("more", 100, 100), row("machine", 100, 100),
                                       row("wide", 100, 100, 0.3), row("gone", 1, 1)])
        after = self.write("b.json", [row("same", 103, 100), row("less", 80, 101), row("more", 130, 99), row("machine", 130, 128),
                                      row("wide", 140, 100, 0.3), row("new", 1, 1)])
        page = self.page(before, after)
        found = self.lines(page)
        self.assertEqual({name: words[-1] for name, words in found.items()},
                         {"same": "noise", "less": "less", "more": "more", "machine": "machine", "wide": "noise"})
        self.assertIn("-20.0 %", page)
        self.assertIn("In one of the runs only: gone, new.", page)
        self.assertNotIn("machines differ", page)

    def test_other_machines_are_named(self):
        page = self.page(self.write("a.json", [row("a", 1, 1)], "one"), self.write("b.json", [row("a", 1, 1)], "two"))
        self.assertIn("The machines differ", page)

    def test_the_record_is_a_run(self):
        record = SCRIPT.parents[1] / "record"
        self.assertEqual(len(re.findall("<section id=", self.page(record))), len(list(record.glob("*.json"))))

    def test_what_is_no_run(self):
        strange = json.dumps({"machine": "m", "command": "c", "rows": [{**row("a", 1, 1), "rounds": "<b>many"}]})
        for content in ("", "{}", "[]", strange, '{"rows": 3, "machine": "", "command": ""}', "{\"rows\": ["):
            path = os.path.join(self.folder.name, "bad.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            got = subprocess.run([sys.executable, "-B", SCRIPT, path], capture_output=True, check=False)
            self.assertEqual((got.returncode, len(got.stderr.splitlines())), (1, 1), got.stderr)
            self.assertIn(b"no run of treadle_bench", got.stderr)
        got = subprocess.run([sys.executable, "-B", SCRIPT, "nowhere.json"], capture_output=True, check=False)
        self.assertIn(b"nowhere.json: No such file", got.stderr)


if __name__ == "__main__":
    unittest.main()
