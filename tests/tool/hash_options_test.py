"""Good and bad command lines."""
import unittest

from support import TreeTest, hash, run, sum_line


class Options(TreeTest):
    def refused(self, got, *words):
        """Exit status 2, nothing printed, and one line that has all of `words`."""
        self.assertEqual((got.status, got.out, len(got.errors)), (2, b"", 1), got.err)
        for word in words:
            self.assertIn(word.encode(), got.err)

    def test_bad_options_are_named_with_their_mend(self):
        for threads in ("0", "-1", "two", "1.5", "2x", "99999999999", "100000"):
            with self.subTest(threads=threads):
                self.refused(hash("--threads=" + threads, "."), "--threads", threads, "from 1 to")
        self.refused(hash("--progress", "sometimes", "."), "sometimes", "auto, always or never")
        self.refused(hash("--bogus", "."), "--bogus", "--help", "--")
        self.refused(hash("-x", "."), "-x", "--help")
        self.refused(hash("--check", "list", "extra"), "list", "extra")
        for words in (("--threads",), ("--threads=", "."), ("--threads", "", ".")):
            self.refused(hash(*words), "--threads", "missing")
        self.refused(hash("--threads", "1", "--threads", "2", "."), "--threads")
        self.refused(hash(), "PATH")
        self.refused(hash("--"), "PATH")
        self.refused(run(), "treadle hash PATH")
        self.refused(run("hsah", "."), "hsah", "treadle hash PATH")
        self.refused(run("--bogus"), "--bogus", "treadle hash PATH")

    def test_help_and_version(self):
        got = hash("--help")
        self.assertEqual((got.status, got.err), (0, b""))
        for word in (b"--threads", b"--check", b"--json", b"--stats", b"--unsorted", b"--progress", b"Examples:", b"Exit status"):
            self.assertIn(word, got.out)
        self.assertEqual(run("--help").status, 0)
        self.assertRegex(run("--version").out, rb"^treadle \d+\.\d+\.\d+\n$")

    def test_any_name_can_be_given(self):
        names = [b"hash", b"{}", b"[]", b"[a,b]", b"%%", b"a=b", b"a b", b"\xff", b"++", b"'", b"@file"]
        self.make({name: name for name in names})
        self.assertEqual(hash(*names).out, b"".join(sum_line(name, name) for name in sorted(names)))

    def test_names_behind_the_marker(self):
        names = [b"--json", b"-x", b"--", b"plain", b"-"]
        self.make({name: name for name in names[:-1]})
        got = hash("plain", "--", "--json", "-x", "--", "-", input=b"stdin")
        contents = {**{name: name for name in names[:-1]}, b"-": b"stdin"}
        self.assertEqual(got.out, b"".join(sum_line(name, contents[name]) for name in sorted(names)))

    def test_options_may_follow_paths(self):
        self.make({b"f": b"1"})
        self.assertEqual(hash("f", "--threads", "1", "--progress", "never").out, sum_line(b"f", b"1"))


if __name__ == "__main__":
    unittest.main()
