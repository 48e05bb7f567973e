"""What the tests of the treadle command share: odd trees, runs of the command, and what the output has to be."""
import base64
import ctypes
import hashlib
import os
import resource
import subprocess
import tempfile
import unittest

TOOL = os.fsencode(os.path.abspath(os.environ["TREADLE_TOOL"]))

# Between '.' and '0' lies the slash: these sort wrongly for whoever compares name by name.
ODD_FILES = [b"a-b/1", b"a/1", b"a/x/y/z/deep", b"a/x-y/1", b"a/x.c", b"a/x0", b"a0/1", b"a b/1", b"a.f", b"-dash", b"{}",
             b"[1]", b"%%", b"new\nline", b"carriage\rreturn", b"back\\slash", b"\\n", b"tab\there", b" lead", b"trail ",
             b"\xff\xfe", b"\xc3\xa4", b"\x01", b"quo'te\"", b"*", b"n\nl/in\\side", b"hash", b"l" * 255]


class Run:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.errors = done.stderr.splitlines()


def run(*words, **options):
    """Runs `treadle WORDS...` to its end."""
    options = {"stdin": subprocess.DEVNULL, "timeout": 100, "check": False, "stdout": subprocess.PIPE,
               "stderr": subprocess.PIPE, **options}
    if "input" in options:
        del options["stdin"]
    return Run(subprocess.run([TOOL, *(os.fsencode(str(w) if isinstance(w, int) else w) for w in words)], **options))


def hash(*words, **options):
    return run("hash", *words, **options)


def drop_override():
    """For preexec_fn: modes count from here on, even for root."""
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if ctypes.CDLL(None, use_errno=True).prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "cannot drop the right to read everything")


def limit_descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def escaped(path):
    return path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def sum_line(path, content):
    sign = b"\\" if any(c in path for c in b"\\\n\r") else b""
    return sign + hashlib.sha256(content).hexdigest().encode() + b"  " + escaped(path) + b"\n"


def json_path(record):
    return base64.b64decode(record["path_base64"]) if "path_base64" in record else record["path"].encode()


class TreeTest(unittest.TestCase):
    """Runs each test in an empty directory of its own."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="treadle-tool-")
        self.before = os.getcwd()
        os.chdir(self.folder.name)

    def tearDown(self):
        os.chdir(self.before)
        self.folder.cleanup()

    def make(self, files):
        """Writes {path: content}; returns it."""
        for path, content in files.items():
            if os.path.dirname(path):
                os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
        return files

    def make_odd(self, top=b"odd"):
        files = {top + b"/" + name: b"content of " + name for name in ODD_FILES}
        files[top + b"/empty"] = b""
        files[top + b"/sparse"] = bytes(3_000_000)
        self.make({path: content for path, content in files.items() if not path.endswith(b"/sparse")})
        with open(top + b"/sparse", "wb") as file:
            file.truncate(3_000_000)
        os.makedirs(top + b"/no files/none here")
        return files

    def expected(self, files):
        """What sha256sum would print, in byte order of the paths."""
        return b"".join(sum_line(path, files[path]) for path in sorted(files))
