"""The manual page and bash's completion: made from what --help shows, so they know every command and option."""
import re
import shutil
import subprocess
import tempfile
import unittest

from support import TOOL, run


def commands():
    listed = run("--help").out.decode().split("Subcommands:")[1]
    return re.findall(r"(?m)^  (\w+) ", listed)


def options(command):
    """Those that --help lists at the beginning of a line."""
    found = []
    for line in re.findall(r"(?m)^  (-[^ ]*)", run(command, "--help").out.decode()):
        found += line.split(",")
    return found


class Manual(unittest.TestCase):
    def test_every_command_and_option(self):
        page = run("man").out.decode().replace("\\-", "-")
        script = run("completion").out.decode()
        self.assertTrue({"hash", "report", "doctor"} <= set(commands()), commands())
        for command in commands():
            self.assertIn(f".SH treadle {command}\n", page)
            section = page.split(f".SH treadle {command}\n")[1].split("\n.SH ")[0]
            known = re.search(rf"(?m)^    {command}\) options='([^']*)'", script).group(1).split()
            self.assertGreater(len(options(command)), 1)
            self.assertEqual(set(known), set(options(command)))
            self.assertEqual(set(re.findall(r"\\fB(-[^\\]*)\\fR", section.split(".TP", 1)[1])), set(options(command)))

    def test_they_are_not_in_the_help(self):
        self.assertNotIn("man", commands())
        self.assertNotIn("completion", commands())

    def test_man_reads_the_page(self):
        if shutil.which("groff") is None:
            self.skipTest("no groff here")
        got = subprocess.run(["groff", "-man", "-Tascii", "-ww"], input=run("man").out, capture_output=True, check=False)
        self.assertEqual((got.returncode, got.stderr), (0, b""))
        self.assertIn(b"treadle hash --check sums", got.stdout)

    def complete(self, *words):
        with tempfile.NamedTemporaryFile("wb", suffix=".bash") as script:
            script.write(run("completion").out)
            script.flush()
            line = " ".join(f"'{word}'" for word in words)
            program = (f"set -u; source {script.name}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _treadle; "
                       "printf '%s\\n' \"${COMPREPLY[@]}\"")
            got = subprocess.run(["bash", "-c", program], capture_output=True, check=False, cwd="/")
            self.assertEqual(got.stderr, b"")
            return set(got.stdout.decode().split())

    def test_completion(self):
        self.assertTrue(set(commands()) <= self.complete("treadle", ""))
        self.assertEqual(self.complete("treadle", "rep"), {"report"})
        self.assertEqual(self.complete("treadle", "report", "--o"), {"--out"})
        self.assertEqual(self.complete("treadle", "doctor", "--js"), {"--json"})
        self.assertIn("usr", self.complete("treadle", "report", "--out", "us"))
        self.assertIn("usr", self.complete("treadle", "hash", "u"))
        self.assertEqual(self.complete("treadle", "hash", "--", "--j"), set())
        self.assertEqual(self.complete("treadle", "nothing", ""), set())

    def test_other_shells(self):
        self.assertEqual(run("completion", "bash").out, run("completion").out)
        got = run("completion", "zsh")
        self.assertEqual((got.status, got.out, len(got.errors)), (2, b"", 1))

    def test_output_that_cannot_be_written(self):
        for what in ("man", "completion"):
            with open("/dev/full", "wb") as full:
                self.assertEqual(run(what, stdout=full).status, 1)


if __name__ == "__main__":
    assert TOOL
    unittest.main()
