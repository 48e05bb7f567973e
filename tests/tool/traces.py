"""Made-up traces in the format of the recorder, for the tests of `treadle report`."""
import json

OUTSIDE = 1000


class Trace:
    """Events in microseconds."""

    def __init__(self, workers=2, pool="made up"):
        self.events = []
        self.whole = {"traceEvents": self.events, "otherData": {"treadle": "0.1.0", "workers": workers, "pool": pool}}
        for worker in range(workers):
            self.events.append({"ph": "M", "pid": 1, "tid": worker, "name": "thread_name", "args": {"name": f"worker {worker}"}})

    def add(self, phase, category, thread, ts, **more):
        self.events.append({"ph": phase, "cat": category, "name": more.pop("name", category), "pid": 1, "tid": thread, "ts": ts, **more})

    def run(self, thread, ts, dur, site, flow=None):
        self.add("X", "run", thread, ts, dur=dur, name=site, args={"site": site, **({} if flow is None else {"flow": flow})})

    def park(self, thread, ts, dur, reason="no work"):
        self.add("X", "park", thread, ts, dur=dur, name="parked", args={"reason": reason})

    def blocked(self, thread, ts, dur):
        self.add("X", "blocked", thread, ts, dur=dur, args={})

    def schedule(self, thread, ts, site, flow, runs_on, runs_at):
        self.add("i", "schedule", thread, ts, name=site, args={"flow": flow, "site": site})
        self.add("s", "schedule", thread, ts, id=flow)
        self.add("f", "schedule", runs_on, runs_at, id=flow, bp="e")

    def steal(self, by, of, ts):
        self.add("i", "steal", by, ts, args={"from": of, "to": by})

    def wake(self, by, whom, ts):
        self.add("i", "wake", by, ts, args={"from": by, "to": whom})

    def text(self):
        return json.dumps(self.whole)

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.text())


def starved():
    """Two workers, both held by a long task for 300 ms while twenty messages wait; then all is well."""
    trace = Trace()
    for worker in (0, 1):
        trace.run(worker, 0, 100, "setup.cpp:5")
        trace.run(worker, 1000, 300_000, "crunch.cpp:31")
    for k in range(20):
        trace.schedule(OUTSIDE, 2000 + 100 * k, "echo.cpp:20", k, k % 2, 301_010 + 10 * k)
        trace.run(k % 2, 301_010 + 10 * k, 8, "echo.cpp:20", k)
    trace.park(0, 301_500, 98_500)
    trace.park(1, 301_500, 98_500)
    return trace


def unsplit():
    """Worker 0 runs for 400 ms, the others lie parked."""
    trace = Trace(workers=4)
    trace.run(0, 0, 400_000, "tree.cpp:12")
    for worker in (1, 2, 3):
        trace.park(worker, 0, 400_000)
    return trace


def blocked():
    """Worker 1 is blocked for 200 of 250 ms inside its task; worker 0 goes on."""
    trace = Trace()
    for k in range(25):
        trace.run(0, 10_000 * k, 9_900, "work.cpp:7")
    trace.run(1, 0, 240_000, "store.cpp:44")
    trace.blocked(1, 10_000, 200_000)
    return trace


def chained():
    """Worker 0 wakes 1, which wakes 2; steals between them."""
    trace = Trace(workers=3)
    trace.park(1, 0, 1000)
    trace.park(2, 0, 1200)
    trace.run(0, 0, 3000, "main.cpp:3")
    trace.wake(0, 1, 990)
    trace.steal(1, 0, 1001)
    trace.run(1, 1001, 900, "main.cpp:9")
    trace.wake(1, 2, 1150)
    trace.steal(2, 1, 1201)
    trace.steal(2, 1, 1300)
    trace.run(2, 1301, 700, "main.cpp:9")
    return trace


def large(spans=100_000, workers=8):
    trace = Trace(workers=workers)
    for k in range(spans):
        trace.run(k % workers, (k // workers) * 20 + (k * 7919) % 5, 4 + (k * 31) % 11, f"site.cpp:{k % 37}")
    return trace
