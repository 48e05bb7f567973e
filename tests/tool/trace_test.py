"""`treadle trace`, on programs of the examples: what they leave, however they end, and what is said of those that leave nothing."""
import json
import os
import signal
import subprocess
import time
import unittest

from support import TOOL, TreeTest, run

PROGRAM = os.environ.get("TREADLE_TRACED", "")


class Trace(TreeTest):
    def read(self, name):
        with open(name, encoding="utf-8") as file:
            return json.load(file)

    def test_a_program_leaves_its_trace(self):
        got = run("trace", "--out", "t.json", "--", PROGRAM)
        self.assertEqual((got.status, got.out), (0, b"40 messages answered\n"), got.err)
        self.assertIn(b"`treadle report t.json`", got.errors[-1])
        whole = self.read("t.json")
        runs = [each for each in whole["traceEvents"] if each.get("cat") == "run"]
        self.assertGreaterEqual(len(runs), 44)
        self.assertTrue(any("starved.cpp:" in each["args"]["site"] for each in runs))
        self.assertEqual(os.listdir("."), ["t.json"])
        self.assertEqual(run("report", "t.json").status, 0)

    def test_the_variable_alone_does(self):
        done = subprocess.run([PROGRAM], env={**os.environ, "TREADLE_TRACE": "alone.json"}, capture_output=True, check=True)
        self.assertNotIn(b"trace", done.stderr)
        self.assertEqual(self.read("alone.json")["otherData"]["workers"], 2)
        subprocess.run([PROGRAM], env={**os.environ, "TREADLE_TRACE": ""}, capture_output=True, check=True)
        self.assertEqual(os.listdir("."), ["alone.json"])

    def test_ended_by_a_signal(self):
        for number in (signal.SIGTERM, signal.SIGABRT):
            words = [TOOL, "trace", "--out", "s.json", "--", PROGRAM]
            with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tool:
                children = f"/proc/{tool.pid}/task/{tool.pid}/children"
                until = time.monotonic() + 20
                child, is_dumping = 0, False
                while time.monotonic() < until and not is_dumping:  # it dumps in the middle
                    is_dumping = b"queues" in os.read(tool.stderr.fileno(), 65536)
                with open(children, encoding="ascii") as file:
                    child = int(file.read().split()[0])
                if number == signal.SIGTERM:
                    tool.send_signal(number)  # is passed on
                else:
                    os.kill(child, number)
                tool.communicate(timeout=60)
                self.assertEqual(tool.returncode, 128 + number)
            self.assertGreater(len(self.read("s.json")["traceEvents"]), 20)
            os.remove("s.json")

    def test_of_two_processes_the_last_leaves_its_trace(self):
        got = run("trace", "--out", "two.json", "--", "sh", "-c", '"$0" >/dev/null && "$0"', PROGRAM)
        self.assertEqual((got.status, got.out), (0, b"40 messages answered\n"))
        self.assertEqual(self.read("two.json")["otherData"]["workers"], 2)

    def test_the_status_is_the_programs(self):
        got = run("trace", "--", "sh", "-c", "exit 7")
        self.assertEqual((got.status, len(got.errors)), (7, 1))
        self.assertIn(b"left no trace", got.err)
        self.assertEqual(run("trace", "--", "true").status, 1)
        self.assertEqual(run("trace", "--", "sh", "-c", "kill -KILL $$").status, 128 + 9)

    def test_what_cannot_be_run(self):
        got = run("trace", "--", "./nowhere")
        self.assertEqual((got.status, len(got.errors)), (127, 1))
        self.assertIn(b"./nowhere: No such file", got.err)
        for words, why in ((("--out", "no/t.json", "--", "true"), b"no/t.json: its directory"),
                           (("--out", ".", "--", "true"), b"directory"),
                           (("--out", "/dev/null", "--", "true"), b"no regular file")):
            got = run("trace", *words)
            self.assertEqual((got.status, len(got.errors)), (1, 1), got.err)
            self.assertIn(why, got.err)
        for words, why in (((), b"no COMMAND"), (("--bogus", "--", "true"), b"--bogus"), (("--out",), b"--out")):
            got = run("trace", *words)
            self.assertEqual((got.status, len(got.errors)), (2, 1), got.err)
            self.assertIn(why, got.err)

    def test_what_was_ignored_stays_ignored(self):
        for ignored, status in (("", 128 + 2), ("trap '' INT; ", 0)):
            script = f"{ignored}exec \"$0\" trace -- sh -c 'kill -INT $$'"
            got = subprocess.run(["sh", "-c", script, TOOL], capture_output=True, check=False)
            # Nothing was traced, which alone is a status of one.
            self.assertEqual(got.returncode, status or 1, got.stderr)

    def test_an_old_trace_is_not_taken_for_this_ones(self):
        self.make({b"trace.json": b"{}"})
        self.assertEqual(run("trace", "--", "true").status, 1)
        self.assertEqual(os.listdir("."), [])


if __name__ == "__main__":
    unittest.main()
