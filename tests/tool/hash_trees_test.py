"""Which files `treadle hash` finds, what it prints of them, and in which order."""
import os
import random
import socket
import subprocess
import unittest

from support import TOOL, TreeTest, hash, limit_descriptors, sum_line


class Trees(TreeTest):
    def test_prints_an_odd_tree_in_byte_order_with_any_number_of_threads(self):
        expected = self.expected(self.make_odd())
        for threads in (1, 2, 3, 8, 64):
            with self.subTest(threads=threads):
                got = hash("--threads", threads, "odd")
                self.assertEqual((got.out, got.err, got.status), (expected, b"", 0))

    def test_prints_what_coreutils_print(self):
        self.make_odd()
        found = subprocess.run("find odd -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum", shell=True, check=True,
                               stdout=subprocess.PIPE).stdout
        self.assertEqual(hash("odd").out, found)

    def test_output_is_accepted_by_sha256sum(self):
        self.make_odd()
        check = subprocess.run(["sha256sum", "--check", "--strict", "--quiet"], input=hash("odd").out, check=False)
        self.assertEqual(check.returncode, 0)

    def test_random_trees(self):
        letters = [b"-", b".", b"0", b"a", b"/", b"/", b"\xff", b" "]
        for seed in range(30):
            dice = random.Random(seed)
            files = {}
            for _ in range(200):
                path = b"t%d/" % seed + b"".join(dice.choices(letters, k=dice.randint(1, 9)))
                parts = path.split(b"/")
                if any(part in (b"", b".", b"..") for part in parts) or os.path.exists(path):
                    continue
                if any(os.path.isfile(b"/".join(parts[:i])) for i in range(1, len(parts))):
                    continue
                self.make({path: path})
                files[path] = path
            with self.subTest(seed=seed):
                self.assertGreater(len(files), 20)
                self.assertEqual(hash(b"t%d" % seed, "--threads", 1 + seed % 5).out, self.expected(files))

    def test_passes_over_all_but_regular_files(self):
        files = self.make({b"t/file": b"1", b"t/sub/file": b"2"})
        os.symlink("file", "t/link")
        os.symlink("sub", "t/linked")
        os.symlink("..", "t/sub/loop")
        os.symlink("nowhere", "t/dangling")
        os.mkfifo("t/pipe")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("t/socket")
            got = hash("t")
        self.assertEqual((got.out, got.err, got.status), (self.expected(files), b"", 0))

    def test_follows_a_link_that_is_named(self):
        self.make({b"t/file": b"1"})
        os.symlink("t", "tree")
        os.symlink("t/file", "one")
        self.assertEqual(hash("tree", "one").out, sum_line(b"one", b"1") + sum_line(b"tree/file", b"1"))

    def test_several_paths_are_one_order(self):
        files = self.make({b"b/1": b"x", b"b-/1": b"y", b"b0": b"z", b"a": b"w"})
        self.assertEqual(hash("b0", "b", "a", "b-").out, self.expected(files))

    def test_paths_inside_one_another(self):
        files = self.make_odd()
        inner = {path: content for path, content in files.items() if path.startswith(b"odd/a/")}
        expected = b"".join(sum_line(path, content) for path, content in sorted([*files.items(), *inner.items(),
                                                                                 (b"odd/a.f", files[b"odd/a.f"])]))
        self.assertEqual(hash("odd/a", "odd", "odd/a.f").out, expected)

    def test_slashes_and_dots_stay_as_given(self):
        self.make({b"t/f": b"1"})
        for given, printed in ((b"t/", b"t/f"), (b"t//", b"t//f"), (b".", b"./t/f"), (b"./t", b"./t/f")):
            self.assertEqual(hash(given).out, sum_line(printed, b"1"))

    def test_a_tree_deeper_than_a_path_may_be_long(self):
        depth, name = 900, b"directory-name"
        top = os.open(".", os.O_RDONLY)
        at, path, files = top, b"", {}
        for level in range(depth):
            os.mkdir(name, dir_fd=at)
            at_next = os.open(name, os.O_RDONLY, dir_fd=at)
            if at != top:
                os.close(at)
            at, path = at_next, path + name + b"/"
            if level % 100 == 99:
                with open(os.open(b"file", os.O_WRONLY | os.O_CREAT, dir_fd=at), "wb") as file:
                    file.write(b"%d" % level)
                files[path + b"file"] = b"%d" % level
        os.close(at)
        for descriptors in (None, 20, 1024):
            for order in ((), ("--unsorted",)):
                with self.subTest(descriptors=descriptors, order=order):
                    got = hash(name, "--threads", 2, *order,
                               preexec_fn=limit_descriptors(descriptors) if descriptors else None)
                    lines = b"".join(sorted(got.out.splitlines(True), key=lambda line: line[66:]))
                    self.assertEqual((lines if order else got.out, got.err), (self.expected(files), b""))
        os.close(top)
        subprocess.run(["rm", "-rf", name], check=True)  # the standard library's goes by whole paths

    def test_a_large_directory_and_many_small_ones(self):
        files = self.make({b"t/flat/%d" % i: b"%d" % i for i in range(9000)})
        files.update(self.make({b"t/d%d/%d" % (i % 700, i): b"%d" % i for i in range(1400)}))
        for order in ((), ("--unsorted",)):
            for descriptors in (1024, 24):
                got = hash("t", *order, preexec_fn=limit_descriptors(descriptors))
                lines = sorted(got.out.splitlines(True), key=lambda line: line[66:]) if order else got.out.splitlines(True)
                self.assertEqual((b"".join(lines), got.err, got.status), (self.expected(files), b"", 0))

    def test_sizes_around_the_buffer(self):
        sizes = [0, 1, 55, 56, 63, 64, 65, 262143, 262144, 262145, 524288, 1048575, 1048576, 1048577, 3000000]
        files = self.make({b"t/%d" % size: bytes(i % 251 for i in range(size)) for size in sizes})
        self.assertEqual(hash("t").out, self.expected(files))

    def test_standard_input(self):
        self.assertEqual(hash("-", input=b"abc").out, sum_line(b"-", b"abc"))
        with open("f", "wb") as file:
            file.write(b"1")
        self.assertEqual(hash("f", "-", input=b"abc").out, sum_line(b"-", b"abc") + sum_line(b"f", b"1"))

    def test_files_of_proc_whose_size_is_a_lie(self):
        with open("/proc/version", "rb") as file:
            self.assertEqual(hash("/proc/version").out, sum_line(b"/proc/version", file.read()))

    def test_a_line_comes_as_soon_as_all_before_it_are_known(self):
        files = self.make({b"a/1": b"1", b"a/2": b"2", b"c/1": b"3"})
        os.mkfifo("b")
        with subprocess.Popen([TOOL, b"hash", b"a", b"b", b"c"], stdout=subprocess.PIPE) as running:
            early = running.stdout.readline() + running.stdout.readline()
            self.assertEqual(early, sum_line(b"a/1", b"1") + sum_line(b"a/2", b"2"))
            with open("b", "wb") as pipe:
                pipe.write(b"late")
            self.assertEqual(running.stdout.read(), sum_line(b"b", b"late") + sum_line(b"c/1", files[b"c/1"]))
        self.assertEqual(running.returncode, 0)

    def test_unsorted_lines_do_not_wait(self):
        self.make({b"z": b"1"})
        os.mkfifo("a")
        with subprocess.Popen([TOOL, b"hash", b"--unsorted", b"--threads", b"1", b"a", b"z"],
                              stdout=subprocess.PIPE) as running:
            self.assertEqual(running.stdout.readline(), sum_line(b"z", b"1"))
            with open("a", "wb") as pipe:
                pipe.write(b"late")
            self.assertEqual(running.stdout.read(), sum_line(b"a", b"late"))


if __name__ == "__main__":
    unittest.main()
