"""`treadle hash --check` beside `sha256sum --check`: the same verdicts, the same exit status."""
import hashlib
import os
import subprocess
import unittest

from support import TreeTest, hash


def sums(content):
    return hashlib.sha256(content).hexdigest().encode()


class Check(TreeTest):
    def compare(self, listed, **options):
        """Checks the list with both; returns ours."""
        with open("list", "wb") as file:
            file.write(listed)
        ours = hash("--check", "list", **options)
        theirs = subprocess.run(["sha256sum", "--check", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                env={**os.environ, "LC_ALL": "C"}, **options)
        self.assertEqual(ours.out, theirs.stdout)
        self.assertEqual(ours.status, theirs.returncode)
        warnings = [line.replace(b"sha256sum: ", b"") for line in theirs.stderr.splitlines() if b"WARNING" in line]
        self.assertEqual([line.replace(b"treadle: ", b"") for line in ours.errors if b"WARNING" in line], warnings)
        return ours

    def test_accepts_its_own_output(self):
        files = self.make_odd()
        with open("list", "wb") as file:
            file.write(hash("odd").out)
        for threads in (1, 2, 8):
            got = hash("--check", "list", "--threads", threads)
            self.assertEqual((got.status, got.err), (0, b""))
            self.assertEqual(got.out.count(b": OK\n"), len(files))
        self.compare(hash("odd").out)

    def test_mismatch_and_missing(self):
        self.make({b"good": b"1", b"bad": b"2"})
        got = self.compare(sums(b"1") + b"  good\n" + sums(b"?") + b"  bad\n" + sums(b"?") + b"  missing\n")
        self.assertEqual(got.status, 1)
        self.assertEqual(got.out, b"good: OK\nbad: FAILED\nmissing: FAILED open or read\n")
        self.assertIn(b"treadle: missing: No such file or directory", got.errors)
        self.compare(sums(b"?") + b"  bad\n" + sums(b"?") + b"  good\n" + sums(b"1") + b"  m1\n" + sums(b"1") + b"  m2\n")

    def test_order_is_that_of_the_list(self):
        files = self.make({b"t/%d" % i: b"%d" % i * (i % 7 * 50_000) for i in range(400)})
        lines = [sums(content) + b"  " + path + b"\n" for path, content in files.items()]
        self.compare(b"".join(reversed(lines)))

    def test_formats(self):
        self.make({b"f": b"1", b" lead": b"2", b"*star": b"3", b"new\nline": b"4", b"back\\slash": b"5", b"cr\r": b"6",
                   b"a) = (b": b"7", b"-dash": b"8"})
        one = sums(b"1")
        lists = {
            "text and binary": one + b"  f\n" + one + b" *f\n",
            "upper case": one.upper() + b"  f\n",
            "tag": b"SHA256 (f) = " + one + b"\nSHA256 (a) = (b) = " + sums(b"7") + b"\nSHA256(f)= " + one + b"\n",
            "escaped": b"\\" + sums(b"4") + b"  new\\nline\n\\" + sums(b"5") + b"  back\\\\slash\n\\" + sums(b"6") + b"  cr\\r\n",
            "escaped tag": b"\\SHA256 (new\\nline) = " + sums(b"4") + b"\n",
            "bad escape": b"\\" + one + b"  f\\x\n" + one + b"  f\n",
            "leading blanks": b" \t" + one + b"  f\n",
            "odd names": sums(b"2") + b"   lead\n" + sums(b"3") + b"  *star\n" + sums(b"8") + b"  -dash\n",
            "carriage returns": one + b"  f\r\n",
            "comments and empty lines": b"# a comment\n\n" + one + b"  f\n",
            "no newline at the end": one + b"  f",
            "one space": one + b" f\n" + sums(b"2") + b"  lead\n",
            "one space after two": one + b"  f\n" + one + b" f\n",
            "malformed": b"garbage\n" + one + b"  f\n" + one[1:] + b"  f\n" + one + b"f\n" + b"g" + one[1:] + b"  f\n" + one + b"\n",
            "other algorithm": b"MD5 (f) = " + one + b"\n" + one + b"  f\n",
            "too long a sum": one + b"00  f\n" + one + b"  f\n",
            "only garbage": b"garbage\n",
            "empty": b"",
        }
        for name, listed in lists.items():
            with self.subTest(name):
                self.compare(listed)

    def test_long_lists_and_lines(self):
        self.make({b"f": b"1"})
        name = b"./" * 1500 + b"f"
        self.compare(b"".join(sums(b"1") + b"  " + name + b"\n" for _ in range(300)))
        self.compare((sums(b"1") + b"  f\n") * 5000)

    def test_directory_in_the_list(self):
        os.mkdir("d")
        self.compare(sums(b"1") + b"  d\n")

    def test_standard_input_holds_the_list_or_a_file(self):
        self.make({b"f": b"1"})
        self.assertEqual(hash("--check", "-", input=sums(b"1") + b"  f\n").out, b"f: OK\n")
        self.compare(sums(b"abc") + b"  -\n", input=b"abc")

    def test_list_that_cannot_be_read(self):
        os.mkdir("d")
        for listed, why in (("nope", b"No such file or directory"), ("d", b"Is a directory"),
                            ("/dev/null", b"no properly formatted checksum lines found")):
            got = hash("--check", listed)
            self.assertEqual((got.out, got.status), (b"", 1))
            self.assertEqual(got.errors, [b"treadle: " + listed.encode() + b": " + why])


if __name__ == "__main__":
    unittest.main()
