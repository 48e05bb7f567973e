"""The page of `treadle report` in a browser: every figure from a trace whose figures are known, by real clicks and keys."""
import os
import re
import sys
import tempfile
import unittest

import traces
from browser import Browser, find_browser
from support import run

CONTRAST = """
const rgba = (text) => { const n = text.match(/[\\d.]+(e-\\d+)?/g).map(Number);
  return [...n.slice(0, 3).map((v) => text.startsWith('color(') ? v * 255 : v), n.length > 3 ? n[3] : 1]; };
const light = (c) => { const [r, g, b] = [0, 1, 2].map((i) => { const v = c[i] / 255;
  return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ground = (e) => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 0.9) return c; }
  return [255, 255, 255]; };
const bad = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || e.closest('.hidden, .skip, noscript, script, :disabled') || !e.checkVisibility()) continue;
  const [a, b] = [light(rgba(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) bad.push(`${e.tagName} ${e.className} ${e.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
}
return [...new Set(bad)];
"""
UNNAMED = """
return [...document.querySelectorAll('button, input, canvas, [tabindex]')].filter((e) => !(e.getAttribute('aria-label') ||
  e.textContent.trim() || (e.labels && e.labels.length))).map((e) => e.outerHTML.slice(0, 80));
"""
BAR_COLOURS = """
const c = document.getElementById('timeline'), ratio = devicePixelRatio;
const data = c.getContext('2d').getImageData(Math.round(arguments[0] * ratio), Math.round(arguments[1] * ratio), 1, 1).data;
return [data[0], data[1], data[2], data[3]];
"""


class Page(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="treadle-page-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def show(self, trace, name="t", scheme="light"):
        path = os.path.join(self.folder.name, name)
        trace.write(path + ".json")
        got = run("report", path + ".json")
        self.assertEqual((got.status, got.err), (0, b""))
        self.browser.prefer(scheme)
        self.browser.open(path + ".html")
        self.assertEqual(self.browser.run("return document.documentElement.dataset.ready"), "yes", self.browser.complaints())

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])

    def view(self):
        """What the timeline shows, in milliseconds."""
        return [each / 1e6 for each in self.browser.run("const d = document.getElementById('timeline').dataset; return [+d.from, +d.to]")]

    def selected(self):
        return int(self.browser.run("return document.getElementById('timeline').dataset.selected"))

    def advice(self):
        return self.browser.run("return [...document.querySelectorAll('#advice li')].map((e) => e.dataset.key)")

    def tile(self, title):
        return self.browser.run("return [...document.querySelectorAll('#tiles > div')].find((e) => "
                                "e.querySelector('dt').textContent === arguments[0]).querySelector('dd').textContent", title)

    def rows(self, panel):
        return self.browser.run("return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].map((r) => "
                                "[...r.children].map((c) => c.textContent))", panel)


class ReportPage(Page):
    def test_a_long_task_that_starves_others(self):
        self.show(traces.starved())
        self.assertEqual(self.advice(), ["starved"])
        text = self.browser.text("#advice")
        for words in ("20 tasks waited up to 299 ms", "echo.cpp:20", "crunch.cpp:31 ran for 299 ms", "checkpoint()"):
            self.assertIn(words, text)
        self.assertEqual((self.tile("Tasks"), self.tile("Longest task"), self.tile("In use")), ("24", "300 ms", "75 %"))
        self.browser.click("#advice button")
        low, high = self.view()
        self.assertTrue(0 <= low < 2 and 301 < high < 330, (low, high))
        self.assertIn("crunch.cpp:31", self.browser.text("#inspector"))

    def test_work_that_does_not_split(self):
        self.show(traces.unsplit())
        self.assertEqual(self.advice(), ["serial"])
        text = self.browser.text("#advice")
        for words in ("100 % of the time", "tree.cpp:12 ran 400 ms", "worker 0"):
            self.assertIn(words, text)
        self.assertEqual(self.rows("idle"), [["no work", "3", "1.20 s", "75 %", "400 ms"]])

    def test_a_blocked_worker(self):
        self.show(traces.blocked())
        self.assertEqual(self.advice(), ["blocked"])
        text = self.browser.text("#advice")
        for words in ("Worker 1 stood blocked for 200 ms", "inside store.cpp:44", "treadle::blocking"):
            self.assertIn(words, text)
        workers = self.rows("workers")
        self.assertEqual([row[0] for row in workers], ["worker 0", "worker 1"])
        self.assertEqual(workers[1][2:4], ["16 %", "80 %"])

    def test_steals_and_wake_chains(self):
        self.show(traces.chained())
        self.assertEqual(self.advice(), ["good"])
        self.assertEqual(self.rows("steals"), [["worker 0", "1", "0"], ["worker 1", "–", "2"]])
        self.assertEqual(self.browser.text("#chains li").split("\n")[0].replace(" ", ""), "at990µs")
        self.assertEqual(re.sub(r"\s+", " ", self.browser.text("#chains li")),
                         "at 990 µs worker 0 → 10.0 µs → worker 1 → 50.0 µs → worker 2")
        self.browser.click("#chains button")
        low, high = self.view()
        self.assertTrue(0.8 < low < 0.99 and 1.2 < high < 1.4, (low, high))

    def test_zooming_and_panning(self):
        self.show(traces.starved())
        whole = self.view()
        self.assertEqual(whole, [0, 400])
        self.browser.click("#zoom-in")
        self.assertEqual(self.view(), [100, 300])
        self.browser.click("#right")
        self.assertEqual(self.view(), [160, 360])
        self.browser.click("#left")
        self.browser.click("#zoom-out")
        self.assertEqual(self.view(), whole)
        self.browser.wheel("#timeline", 400, 50, -200)
        low, high = self.view()
        self.assertTrue(0 < low < high < 400, (low, high))
        self.browser.mouse("#timeline", ("move", 600, 50), "down", ("move", 500, 50), ("move", 400, 50), "up")
        moved = self.view()
        self.assertGreater(moved[0], low + 1)
        self.assertAlmostEqual(moved[1] - moved[0], high - low, 3)
        self.browser.click("#fit")
        self.assertEqual(self.view(), whole)
        self.browser.mouse("#overview", ("move", 300, 20), "down", ("move", 400, 20), ("move", 500, 20), "up")
        low, high = self.view()
        self.assertTrue(30 < low < high < 200, (low, high))
        self.assertIn("Shows", self.browser.text("#view"))

    def test_keys(self):
        self.show(traces.starved())
        self.browser.run("document.getElementById('timeline').focus()")
        self.browser.press("+", "right")
        self.assertEqual(self.view(), [140, 340])
        self.browser.press("0")
        self.assertEqual(self.view(), [0, 400])
        self.browser.press(".", ".", ".")
        first = self.selected()
        self.browser.press(",")
        self.assertEqual(self.selected(), first - 1)
        self.assertIn("worker 0", self.browser.text("#inspector"))
        self.browser.press("down")
        self.assertIn("worker 1", self.browser.text("#inspector"))
        self.browser.press(".", "enter")
        low, high = self.view()
        self.assertTrue(301 < low < high < 301.1, (low, high))
        self.browser.press("escape", "a")
        self.assertEqual(self.selected(), -1)
        self.assertEqual(self.browser.run("return document.getElementById('arrows').getAttribute('aria-pressed')"), "true")

    def test_clicks_on_the_canvas(self):
        self.show(traces.starved())
        x = self.browser.run("return document.getElementById('timeline').clientWidth") // 2
        self.browser.mouse("#timeline", ("move", x, 40), "down", "up")
        self.assertIn("crunch.cpp:31", self.browser.text("#inspector"))
        self.assertIn("300 ms", self.browser.text("#tip"))
        drawn = self.browser.run(BAR_COLOURS, x, 40)
        empty = self.browser.run(BAR_COLOURS, x, 100 + 40 * 2)
        self.assertNotEqual(drawn, empty)

    def test_search(self):
        self.show(traces.starved())
        self.browser.press("/")
        self.browser.press(*"ECHO")
        self.assertEqual(self.browser.text("#matches"), "20 tasks")
        self.assertEqual([row[0] for row in self.rows("sites")], ["echo.cpp:20"])
        self.browser.press("enter")
        self.assertEqual(self.browser.text("#matches"), "1 of 20")
        first = self.selected()
        self.browser.click("#search-next")
        self.assertEqual(self.browser.text("#matches"), "2 of 20")
        self.assertNotEqual(self.selected(), first)
        self.assertIn("queued", self.browser.text("#inspector"))
        self.browser.type("#search", "nothing like it")
        self.assertEqual((self.browser.text("#matches"), self.browser.text("#sites")), ("0 tasks", "No tasks."))

    def test_tables_sort(self):
        self.show(traces.starved())
        names = [row[0] for row in self.rows("sites")]
        self.assertEqual(names, ["crunch.cpp:31", "setup.cpp:5", "echo.cpp:20"])
        self.browser.click("#sites thead th:nth-child(2) button")
        self.assertEqual([row[1] for row in self.rows("sites")], ["20", "2", "2"])
        self.browser.click("#sites thead th:nth-child(2) button")
        self.assertEqual([row[1] for row in self.rows("sites")], ["2", "2", "20"])
        self.assertEqual(self.browser.run("return document.querySelectorAll('#sites [aria-sort]').length"), 1)
        self.browser.click("#longest tbody tr:first-child button")
        self.assertIn("crunch.cpp:31", self.browser.text("#inspector"))

    def test_a_name_is_text(self):
        name = "<img src=x onerror=window.broken=1></script><script>window.broken=1</script>"
        trace = traces.Trace(pool=name)
        trace.events[0]["args"]["name"] = name
        trace.run(0, 0, 1000, name)
        trace.park(0, 1000, 500, name)
        self.show(trace, "evil")
        self.browser.click("#sites tbody button")
        self.assertIn(name, self.browser.text("#inspector"))
        self.assertIn(name, self.browser.text("#subject"))
        self.assertEqual(self.browser.run("return [typeof window.broken, document.images.length]"), ["undefined", 0])

    def test_a_trace_without_events(self):
        self.show(traces.Trace(workers=0))
        self.assertIn("holds no events", self.browser.text("#advice"))
        for key in ("zoom-in", "fit", "right", "search-next"):
            self.browser.run("document.getElementById(arguments[0]).click()", key)
        self.browser.run("document.getElementById('timeline').focus()")
        self.browser.press(".", "down", "enter", "+", "-")

    def test_a_large_trace_stays_fluid(self):
        self.show(traces.large())
        self.assertEqual(self.tile("Tasks"), "100,000")
        took = self.browser.run_async("""
            const done = arguments[0], draw = window.requestAnimationFrame, times = [], c = document.getElementById('timeline');
            window.requestAnimationFrame = (f) => draw((t) => { const a = performance.now(); f(t); times.push(performance.now() - a); });
            let n = 0;
            const step = () => { c.dispatchEvent(new KeyboardEvent('keydown', {key: n < 8 ? '+' : n < 16 ? 'ArrowRight' : '-'}));
              if (++n < 20) draw(step); else done(times.sort((a, b) => a - b)); };
            step();""")
        # A fortieth of a second is fluid; this leaves room for a busy machine without a graphics processor.
        self.assertLess(took[len(took) // 2], 250, took)

    def test_everything_has_a_name_and_the_keys_reach_it(self):
        self.show(traces.starved())
        self.assertEqual(self.browser.run(UNNAMED), [])
        reached = set()
        self.browser.run("document.body.focus()")
        for _ in range(40):
            self.browser.press("tab")
            reached.add(self.browser.run("return document.activeElement.id"))
        self.assertTrue({"search", "overview", "timeline", "zoom-in", "fit", "arrows"} <= reached, reached)

    def test_contrast(self):
        for scheme in ("light", "dark"):
            for trace in (traces.starved(), traces.blocked(), traces.chained()):
                self.show(trace, scheme=scheme)
                self.browser.run("document.querySelector('#sites tbody button').click()")
                self.assertEqual(self.browser.run(CONTRAST), [], scheme)

    def test_light_and_dark(self):
        self.show(traces.starved())
        ground = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
        self.assertGreater(min(self.browser.run(ground)), 200)
        x = self.browser.run("return document.getElementById('timeline').clientWidth") // 2
        bar = self.browser.run(BAR_COLOURS, x, 40)
        self.browser.prefer("dark")
        self.assertLess(max(self.browser.run(ground)), 60)
        self.browser.run_async("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
        self.assertNotEqual(self.browser.run(BAR_COLOURS, x, 40), bar)

    def test_narrow_windows_do_not_scroll_sideways(self):
        self.show(traces.starved())
        width = self.browser.run("document.body.style.width = '360px'; return document.querySelector('main').scrollWidth")
        self.assertLessEqual(width, 360)


if __name__ == "__main__":
    absent = [name for name, path in zip(("chromium", "chromedriver"), find_browser()) if path is None]
    if absent:
        print(f"skipped: no {' and no '.join(absent)} here (Debian: chromium chromium-driver)")
        sys.exit(77)
    unittest.main()
