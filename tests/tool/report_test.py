"""`treadle report`: which files it takes, what it says of others, and that no name escapes from the page's data."""
import json
import os
import re
import unittest

import traces
from support import TreeTest, run


def data_of(page):
    """What the page holds between its data tags, as the browser reads it."""
    found = re.findall(rb'<script type="application/json" id="trace">(.*?)</script>', page, flags=re.DOTALL)
    assert len(found) == 1, len(found)
    return json.loads(found[0])


class Report(TreeTest):
    def page(self, text, name="t.json"):
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        got = run("report", name)
        self.assertEqual((got.status, got.err), (0, b""))
        with open(os.path.splitext(name)[0] + ".html", "rb") as file:
            return file.read()

    def refused(self, text, *words, status=1):
        with open("bad.json", "wb") as file:
            file.write(text)
        got = run("report", "bad.json")
        self.assertEqual((got.status, got.out, len(got.errors)), (status, b"", 1), got.err)
        for word in words:
            self.assertIn(word, got.err)
        self.assertFalse(os.path.exists("bad.html"))

    def test_a_page_holds_the_trace(self):
        data = data_of(self.page(traces.starved().text()))
        self.assertEqual((data["pool"], data["version"], data["workers"], data["source"]), ("made up", "0.1.0", 2, "t.json"))
        self.assertEqual(len(data["spans"]["start"]), 26)
        self.assertEqual(data["duration"], 400_000_000)
        self.assertEqual([lane["name"] for lane in data["lanes"]], ["worker 0", "worker 1", "worker 1000"])
        self.assertEqual(len(data["arrows"]["kind"]), 20)

    def test_spans_come_by_worker_and_time_the_outer_first(self):
        trace = traces.Trace()
        trace.run(1, 5, 1, "late")
        trace.run(1, 1, 2, "inner")
        trace.run(1, 1, 3, "outer")
        trace.run(0, 9, 1, "other")
        data = data_of(self.page(trace.text()))
        self.assertEqual([data["names"][name] for name in data["spans"]["name"]], ["other", "outer", "inner", "late"])
        self.assertEqual(data["spans"]["start"], [8000, 0, 0, 4000])

    def test_names_stay_inside_the_data(self):
        evil = "</script><script>alert(1)</script><!--<b>&amp;\u2028\"\\"
        trace = traces.Trace(pool=evil)
        trace.run(0, 0, 1, evil)
        page = self.page(trace.text())
        plain = self.page(traces.Trace().text(), "plain.json")
        self.assertEqual(page.count(b"<script"), plain.count(b"<script"))
        self.assertEqual(page.count(b"</script"), plain.count(b"</script"))
        data = data_of(page)
        self.assertEqual((data["pool"], data["names"][data["spans"]["name"][0]]), (evil, evil))

    def test_the_page_asks_no_network(self):
        page = self.page(traces.starved().text())
        self.assertNotRegex(page, rb"(?i)https?://|@import|url\(|<link|<img|\bsrc=|fetch\(|XMLHttp|WebSocket")
        self.assertIn(b"default-src 'none'", page)

    def test_where_it_goes(self):
        traces.chained().write("a.trace.json")
        self.assertEqual(run("report", "a.trace.json").out, b"a.trace.html: 5 spans and 5 marks of 3 threads\n")
        self.assertEqual(run("report", "a.trace.json", "--out", "there.html").status, 0)
        got = run("report", "--out=-", "-", input=traces.chained().text().encode())
        self.assertEqual((got.status, data_of(got.out)["source"]), (0, "-"))
        with open("there.html", "rb") as one, open("a.trace.html", "rb") as other:
            self.assertEqual(one.read(), other.read())

    def test_output_that_cannot_be_written(self):
        traces.chained().write("a.json")
        for words, why in ((("--out", "no/where.html"), b"No such file"), (("--out", "a.json"), b"the trace itself"),
                           (("--out", "/dev/full"), b"No space")):
            got = run("report", "a.json", *words)
            self.assertEqual((got.status, len(got.errors)), (1, 1), got.err)
            self.assertIn(why, got.err)
        with open("a.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file)["otherData"]["workers"], 3)

    def test_a_trace_that_is_none(self):
        whole = traces.starved().text().encode()
        self.refused(b"", b"empty")
        self.refused(b" \n", b"empty")
        for size in (1, 10, len(whole) // 2, len(whole) - 1):
            self.refused(whole[:size], b"breaks off after %d bytes" % size, b"let the program finish")
        self.refused(b"\x7fELF\x02\x01", b"no JSON at byte 1")
        self.refused(whole + b"x", b"no JSON")
        self.refused(b'{"traceEvents": [{"ts": 1e999}]}', b"number beyond")
        for text in (b"{}", b"3", b'"traceEvents"', b'{"traceEvents": 7}', b"null"):
            self.refused(text, b"traceEvents")
        got = run("report", "nowhere.json")
        self.assertEqual((got.status, len(got.errors)), (1, 1))
        self.assertIn(b"nowhere.json: No such file", got.err)
        self.assertEqual(run("report", ".").status, 1)

    def test_events_that_are_none(self):
        def with_event(**event):
            return json.dumps({"traceEvents": [{"ph": "i", "cat": "io", "tid": 0, "ts": 0}, event]}).encode()
        span = {"ph": "X", "cat": "run", "tid": 0, "ts": 1.5, "dur": 1, "name": "n"}
        self.refused(b'{"traceEvents": [4]}', b"event 0")
        for change, word in (({"ts": None}, b"ts"), ({"ts": "1"}, b"ts"), ({"dur": -1}, b"before it begins"), ({"dur": None}, b"dur"),
                             ({"tid": None}, b"tid"), ({"tid": -4}, b"tid"), ({"tid": 1 << 40}, b"tid"), ({"ts": 1e300}, b"no time"),
                             ({"tid": (1 << 64) - 1}, b"tid")):
            self.refused(with_event(**{**span, **change}), b"event 1 ", word)
        self.refused(with_event(**{**span, "ts": 1e14}), b"a hundred days")
        self.page(with_event(**{**span, "args": None, "id": 4}).decode())

    def test_what_others_wrote_is_counted_and_left_out(self):
        trace = traces.chained()
        trace.add("X", "gpu", 7, 5, dur=1)
        trace.add("C", "run", 7, 5)
        self.assertEqual(data_of(self.page(trace.text()))["ignored"], 2)
        self.assertEqual(data_of(self.page(json.dumps(trace.events)))["workers"], 0)

    def test_bad_options(self):
        for words, status, word in (((), 2, b"no TRACE"), (("a", "b"), 2, b"second"), (("--bogus", "a"), 2, b"--bogus"),
                                    (("a", "--out"), 2, b"--out")):
            got = run("report", *words)
            self.assertEqual((got.status, got.out, len(got.errors)), (status, b"", 1), got.err)
            self.assertIn(word, got.err)
            self.assertNotIn(b"treadle hash", got.err)
        self.assertIn(b"--out", run("report", "--help").out)


if __name__ == "__main__":
    unittest.main()
