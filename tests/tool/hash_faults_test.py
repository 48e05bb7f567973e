"""What `treadle hash` does with what it cannot read or write."""
import os
import signal
import subprocess
import threading
import unittest

from support import TOOL, TreeTest, drop_override, hash, run, sum_line


class Faults(TreeTest):
    def test_unreadable_file_is_named_and_the_rest_is_hashed(self):
        files = self.make({b"t/1": b"1", b"t/2": b"2", b"t/3": b"3"})
        os.chmod("t/2", 0)
        got = hash("t", preexec_fn=drop_override)
        del files[b"t/2"]
        self.assertEqual((got.out, got.status), (self.expected(files), 1))
        self.assertEqual(got.errors, [b"treadle: t/2: Permission denied"])

    def test_unreadable_directory_is_named_and_the_rest_is_hashed(self):
        files = self.make({b"t/1": b"1", b"t/shut/2": b"2", b"t/shut-up/3": b"3", b"t/z": b"4"})
        os.chmod("t/shut", 0)
        for order in ((), ("--unsorted", "--threads", "1")):
            got = hash("t", *order, preexec_fn=drop_override)
            rest = {path: content for path, content in files.items() if path != b"t/shut/2"}
            self.assertEqual(sorted(got.out.splitlines()), sorted(self.expected(rest).splitlines()))
            self.assertEqual((got.errors, got.status), ([b"treadle: t/shut: Permission denied"], 1))
        os.chmod("t/shut", 0o700)

    def test_directory_that_can_be_listed_but_not_entered(self):
        self.make({b"t/1": b"1", b"t/in/2": b"2", b"t/in/d/3": b"3"})
        os.chmod("t/in", 0o400)
        got = hash("t", preexec_fn=drop_override)
        os.chmod("t/in", 0o700)
        self.assertEqual((got.out, got.status), (sum_line(b"t/1", b"1"), 1))
        self.assertEqual(sorted(got.errors), [b"treadle: t/in/2: Permission denied", b"treadle: t/in/d: Permission denied"])

    def test_missing_path(self):
        self.make({b"t/1": b"1"})
        got = hash("t", "nope", "t/1/below", "")
        self.assertEqual((got.out, got.status), (sum_line(b"t/1", b"1"), 1))
        self.assertEqual(got.errors, [b"treadle: nope: No such file or directory",
                                      b"treadle: t/1/below: Not a directory", b"treadle: : No such file or directory"])

    def test_nothing_but_faults(self):
        got = hash("nope")
        self.assertEqual((got.out, got.errors, got.status), (b"", [b"treadle: nope: No such file or directory"], 1))

    def test_read_error(self):
        got = hash("/proc/self/mem")
        self.assertEqual((got.out, got.errors, got.status), (b"", [b"treadle: /proc/self/mem: Input/output error"], 1))

    def test_a_strange_name_is_still_one_line(self):
        self.make({b"t/a\nb\x1b[1m\\": b"1"})
        os.chmod(b"t/a\nb\x1b[1m\\", 0)
        got = hash("t", preexec_fn=drop_override)
        self.assertEqual(got.errors, [b"treadle: t/a\\nb\\033[1m\\\\: Permission denied"])

    def test_files_that_vanish_are_printed_or_named(self):
        for attempt in range(5):
            top = b"t%d" % attempt
            files = self.make({top + b"/%d/%d" % (i % 20, i): b"%d" % i for i in range(3000)})
            doomed = sorted(files)[::2]
            running = subprocess.Popen([TOOL, b"hash", top], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            remover = threading.Thread(target=lambda names=doomed: [os.remove(name) for name in names])
            remover.start()
            out, err = running.communicate()
            remover.join()
            printed = [line[66:] for line in out.splitlines()]
            named = [line.split(b": ")[1] for line in err.splitlines()]
            self.assertEqual(printed, sorted(printed))
            self.assertEqual(set(printed) & set(named), set())
            self.assertLessEqual(set(named), set(doomed))
            self.assertLessEqual(set(files) - set(doomed), set(printed))
            self.assertTrue(all(line.endswith(b": No such file or directory") for line in err.splitlines()))
            self.assertEqual(running.returncode, 1 if named else 0)

    def test_full_disk(self):
        self.make({b"t/%d" % i: b"1" for i in range(50)})
        for mode in ((), ("--unsorted",), ("--json",)):
            with open("/dev/full", "wb") as full:
                got = hash("t", *mode, stdout=full)
            self.assertEqual((got.errors, got.status), ([b"treadle: standard output: No space left on device"], 1))

    def test_full_disk_while_help_is_printed(self):
        for words in (("--help",), ("hash", "--help"), ("--version",)):
            with open("/dev/full", "wb") as full:
                got = run(*words, stdout=full)
            self.assertEqual((got.errors, got.status), ([b"treadle: standard output: No space left on device"], 1))

    def test_interrupt_ends_it_at_once_between_two_lines(self):
        files = self.make({b"t/%d" % i: b"%d" % i for i in range(200)})
        os.mkfifo("t2")  # nobody will write to it: without the interrupt it would wait for ever
        with subprocess.Popen([TOOL, b"hash", b"t", b"t2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            told = b"".join(running.stdout.readline() for _ in files)
            running.send_signal(signal.SIGINT)
            self.assertEqual((running.wait(timeout=60), running.stderr.read()), (-signal.SIGINT, b""))
            self.assertEqual(told + running.stdout.read(), self.expected(files))

    def test_reader_that_leaves(self):
        self.make({b"t/%d" % i: b"1" for i in range(3000)})
        with subprocess.Popen([TOOL, b"hash", b"t"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            running.stdout.close()
            self.assertEqual(running.stderr.read(), b"treadle: standard output: Broken pipe\n")
        self.assertEqual(running.returncode, 1)

    def test_closed_standard_output_is_not_taken_for_a_file(self):
        self.make({b"t/1": b"1"})
        for closed, status, errors in ((1, 1, [b"treadle: standard output: Bad file descriptor"]), (0, 0, [])):
            got = hash("t", stdin=None, preexec_fn=lambda fd=closed: os.close(fd))
            self.assertEqual((got.status, got.errors), (status, errors))
        got = hash("-", stdin=None, preexec_fn=lambda: os.close(0))
        self.assertEqual((got.status, got.errors), (1, [b"treadle: -: Bad file descriptor"]))

    def test_slow_reader_gets_everything(self):
        files = self.make({b"t/" + b"long-name-" * 20 + b"%d" % i: b"" for i in range(9000)})
        with subprocess.Popen([TOOL, b"hash", b"t"], stdout=subprocess.PIPE) as running:
            first = running.stdout.read(1)
            try:
                running.wait(timeout=0.5)
                self.fail("it ended although nobody read")
            except subprocess.TimeoutExpired:
                pass
            self.assertEqual(first + running.stdout.read(), self.expected(files))


if __name__ == "__main__":
    unittest.main()
