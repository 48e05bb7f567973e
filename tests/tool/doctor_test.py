"""What `treadle doctor` says, and its exit status."""
import json
import os
import resource
import unittest

from support import limit_descriptors, run


def facts(**options):
    got = run("doctor", "--json", **options)
    return got, json.loads(got.out)


class Doctor(unittest.TestCase):
    def test_a_line_for_each_thing(self):
        got = run("doctor")
        self.assertEqual((got.status, got.err), (0, b""))
        for line in (rb"treadle \d+\.\d+\.\d+", rb"system: Linux .+", rb"CPUs: \d+ of \d+", rb"affinity: [\d,-]+", rb"quota: .+",
                     rb"I/O: (epoll|io_uring)[^\n]+", rb"io_uring: .+", rb"clock: .+ ns a look.+", rb"barriers: (membarrier|fences)",
                     rb"open files: [\d,]+.*", rb"processes: .+", rb"locked memory: .+", rb"stack: .+", rb"topology: .+",
                     rb"pool: \d+ workers?, first task after \d+ us"):
            self.assertRegex(got.out, rb"(?m)^" + line + rb"$")

    def test_json_says_the_same(self):
        got, found = facts()
        self.assertEqual((got.status, got.err, found["well"]), (0, b"", True))
        self.assertEqual(found["cpus"]["allowed"], len(os.sched_getaffinity(0)))
        self.assertLessEqual(found["cpus"]["available"], found["cpus"]["allowed"])
        self.assertEqual(found["pool"]["workers"], found["cpus"]["available"])
        self.assertEqual(found["limits"]["open_files"]["now"], resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        self.assertGreater(found["clock"]["look_ns"], 0)
        self.assertIsNone(found["pool"]["refused"])
        if "topology" in found:
            self.assertGreaterEqual(found["topology"]["threads"], 1)

    def test_affinity(self):
        first = min(os.sched_getaffinity(0))
        got, found = facts(preexec_fn=lambda: os.sched_setaffinity(0, {first}))
        self.assertEqual((got.status, found["cpus"]["affinity"], found["cpus"]["allowed"]), (0, str(first), 1))

    def test_remarks_carry_their_mend(self):
        got, found = facts(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1024)))
        self.assertEqual(got.status, 0)
        texts = [each for each in found["remarks"] if "256 files" in each["text"]]
        self.assertEqual([(each["problem"], each["mend"]) for each in texts], [(False, "ulimit -n 1024")])

    def test_exit_status(self):
        few = {"preexec_fn": limit_descriptors(40)}
        got, found = facts(**few)
        self.assertEqual((got.status, found["well"], found["remarks"][0]["problem"]), (1, False, True))
        self.assertRegex(run("doctor", **few).out, rb"(?m)^PROBLEM: only 40 files")
        unknown = {"env": {**os.environ, "TREADLE_IO": "urign"}}
        self.assertEqual(run("doctor", **unknown).status, 0)
        self.assertEqual(run("doctor", "--strict", **unknown).status, 1)

    def test_what_is_asked_for(self):
        got = run("doctor", env={**os.environ, "TREADLE_IO": "epoll"})
        self.assertIn(b"not asked for", got.out)

    def test_what_nobody_knows(self):
        got = run("doctor", env={**os.environ, "TREADLE_IO": "urign"})
        self.assertIn(b"TREADLE_IO is none of epoll, auto and uring", got.out)
        self.assertNotIn(b"TREADLE_IO", run("doctor", env={**os.environ, "TREADLE_IO": "auto"}).out)

    def test_takes_nothing(self):
        got = run("doctor", "tree")
        self.assertEqual((got.status, got.out), (2, b""))
        self.assertIn(b"tree", got.err)
        self.assertIn(b"--strict", run("doctor", "--help").out)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            self.assertEqual(run("doctor", stdout=full).status, 1)


if __name__ == "__main__":
    unittest.main()
