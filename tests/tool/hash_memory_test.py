"""The promised bounds of memory: 64 MiB, and its path and 96 bytes for each file that waits for an earlier one."""
import os
import subprocess
import time
import unittest

from support import TOOL, TreeTest

MIB = 1024 * 1024


class Memory(TreeTest):
    def peak_while_all_wait(self, *words, files):
        """Peak resident bytes once all but the pipe `0` in front is hashed."""
        os.mkfifo("0")
        with open("out", "wb") as out, subprocess.Popen([TOOL, b"hash", *words, b"--progress", b"always", b"0", b"t"],
                                                        stdout=out, stderr=subprocess.PIPE) as running:
            told, wanted, give_up = b"", b"%s / %s files" % (f"{files:,}".encode(), f"{files + 1:,}".encode()), time.time() + 60
            while wanted not in told:
                self.assertLess(time.time(), give_up, told[-200:])
                told = told[-400:] + os.read(running.stderr.fileno(), 4096)
            with open(f"/proc/{running.pid}/status", encoding="ascii") as status:
                peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
            with open("0", "wb"):
                pass
            running.communicate()
        os.remove("0")
        with open("out", "rb") as out:
            self.assertEqual(sum(1 for _ in out), files + 1)
        return peak

    def make_tree(self, paths):
        made = set()
        for path in paths:
            folder = os.path.dirname(path)
            if folder not in made:
                os.makedirs(folder, exist_ok=True)
                made.add(folder)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        return sum(len(path) + 96 for path in paths)

    def test_files_that_wait_take_no_more_than_promised(self):
        self.make_tree(["t/x"])
        base = self.peak_while_all_wait(files=1)
        allowed = self.make_tree([f"t/{i // 20000}/file-{i:06}" for i in range(60_000)])
        peak = self.peak_while_all_wait(files=60_001)
        self.assertLess(peak - base, allowed + 3 * MIB)  # 3 MiB: buffers and what the allocator keeps
        self.assertLess(peak, allowed + 64 * MIB)

    def test_directories_of_one_file(self):
        allowed = self.make_tree([f"t/{i}/f" for i in range(25_000)])
        self.assertLess(self.peak_while_all_wait(files=25_000), allowed + 40 * MIB)

    def test_unsorted_memory_is_constant(self):
        self.make_tree([f"t/{i}" for i in range(1000)])
        base = self.peak_while_all_wait(b"--unsorted", files=1000)
        self.make_tree([f"t/flat/file-{i:06}" for i in range(60_000)])
        self.assertLess(self.peak_while_all_wait(b"--unsorted", files=61_000), base + 6 * MIB)


if __name__ == "__main__":
    unittest.main()
