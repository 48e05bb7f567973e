"""--json, --stats and --progress."""
import hashlib
import json
import os
import pty
import re
import select
import subprocess
import unittest

from support import TOOL, TreeTest, hash, json_path


def read_terminal(fd):
    text = b""
    while select.select([fd], [], [], 30)[0]:
        try:
            part = os.read(fd, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        text += part
    return text


class Output(TreeTest):
    def test_json_has_all_files_in_order_with_their_very_names(self):
        files = self.make_odd()
        got = hash("--json", "odd")
        told = json.loads(got.out)
        self.assertEqual([(json_path(each), each["sha256"]) for each in told["files"]],
                         [(path, hashlib.sha256(files[path]).hexdigest()) for path in sorted(files)])
        self.assertEqual((told["algorithm"], told["errors"], got.status), ("sha256", [], 0))
        self.assertEqual(told["summary"]["files"], len(files))
        self.assertEqual(told["summary"]["bytes"], sum(map(len, files.values())))
        lossy = [each for each in told["files"] if "path_base64" in each]
        self.assertEqual([each["path"] for each in lossy], ["odd/\ufffd\ufffd"])

    def test_json_errors(self):
        self.make({b"f": b"1"})
        got = hash("--json", "f", "no\npe", b"\xff")
        told = json.loads(got.out)
        self.assertEqual([(json_path(each), each["message"]) for each in told["errors"]],
                         [(b"no\npe", "No such file or directory"), (b"\xff", "No such file or directory")])
        self.assertEqual((len(told["files"]), told["summary"]["unreadable"], got.status), (1, 2, 1))

    def test_json_of_nothing(self):
        os.mkdir("d")
        self.assertEqual(json.loads(hash("--json", "d").out)["files"], [])
        self.assertEqual(json.loads(hash("--json", "--unsorted", "d").out)["files"], [])

    def test_json_unsorted(self):
        files = self.make({b"t/%d/%d" % (i % 9, i): b"%d" % i for i in range(500)})
        told = json.loads(hash("--json", "--unsorted", "t").out)
        self.assertEqual(sorted(json_path(each) for each in told["files"]), sorted(files))

    def test_json_check(self):
        self.make({b"good": b"1", b"bad": b"2"})
        one = hashlib.sha256(b"1").hexdigest().encode()
        got = hash("--json", "--check", "-", input=b"".join(one + b"  " + name + b"\n" for name in (b"bad", b"gone", b"good")) + b"x\n")
        told = json.loads(got.out)
        self.assertEqual([(each["path"], each["status"]) for each in told["files"]],
                         [("bad", "mismatch"), ("gone", "unreadable"), ("good", "ok")])
        self.assertEqual((told["summary"]["mismatches"], told["malformed_lines"], got.status), (1, 1, 1))

    def test_stats(self):
        files = self.make({b"t/%d" % i: b"x" * i for i in range(300)})
        got = hash("--stats", "--threads", "2", "t")
        self.assertEqual(got.out, self.expected(files))
        told = got.err.decode()
        self.assertRegex(told, r"files +300 hashed, 0 unreadable")
        self.assertRegex(told, r"bytes +44\.9 kB")
        self.assertRegex(told, r"threads +[12] started, up to 2 at a time")
        self.assertRegex(told, r"time +[0-9.]+ s wall, [0-9.]+ s CPU")
        tasks = int(re.search(r"pool +([0-9,]+) tasks run, [0-9,]+ steals of [0-9,]+ tasks, [0-9,]+ parks, [0-9,]+ wakes",
                              told).group(1).replace(",", ""))
        self.assertGreaterEqual(tasks, 6)  # the directory, and 300 files in runs of at most 64

    def test_progress_is_for_terminals(self):
        files = self.make({b"t/%d" % i: b"x" for i in range(300)})
        for mode in ((), ("--progress", "auto"), ("--progress", "never")):
            self.assertEqual(hash("t", *mode).err, b"")
        got = hash("t", "--progress", "always")
        self.assertIn(b"300 / 300 files  300 B / 300 B", got.err)
        self.assertRegex(got.err, rb"MB/s  ETA 0:00")
        self.assertTrue(got.err.endswith(b"\r\x1b[K"))
        self.assertEqual(got.out, self.expected(files))

    def test_progress_on_a_terminal(self):
        self.make({b"t/%d" % i: b"x" for i in range(300)})
        for mode, is_shown in (("auto", True), ("never", False)):
            ours, theirs = pty.openpty()
            with subprocess.Popen([TOOL, b"hash", b"t", b"--progress", mode.encode()], stdout=subprocess.DEVNULL,
                                  stderr=theirs) as running:
                os.close(theirs)
                shown = read_terminal(ours)
            os.close(ours)
            self.assertEqual((b"300 / 300 files" in shown, running.returncode), (is_shown, 0))

    def test_faults_and_the_bar_do_not_mix(self):
        self.make({b"t/1": b"1"})
        os.mkfifo("pipe")
        with subprocess.Popen([TOOL, b"hash", b"--progress", b"always", b"t", b"pipe", b"/proc/self/mem"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            with open("pipe", "wb"):
                pass
            err = running.stderr.read()
        lines = [line.rsplit(b"\r\x1b[K", 1)[-1] for line in err.splitlines()]
        self.assertIn(b"treadle: /proc/self/mem: Input/output error", lines)


if __name__ == "__main__":
    unittest.main()
