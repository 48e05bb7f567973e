"""treadle fetch: what it writes, checks, goes on with and refuses."""
import fcntl
import hashlib
import json
import os
import random
import subprocess
import time
import unittest

from registry import ROUNDS, Registry, sri
from support import TOOL, TreeTest, run


class FetchTest(TreeTest):
    def setUp(self):
        super().setUp()
        self.server = Registry()
        self.environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}

    def tearDown(self):
        self.server.close()
        super().tearDown()

    def serve(self, path, content, etag=None):
        self.server.files[path] = content
        if etag:
            self.server.etags[path] = etag
        return self.server.url + path

    def fetch(self, *words, **options):
        return run("fetch", *words, env=self.environment, **options)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def names(self, folder="out"):
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def refused(self, got, *texts):
        self.assertEqual((got.status, got.out, len(got.errors)), (2, b"", 1), got.err)
        for text in texts:
            self.assertIn(text.encode(), got.err)


class Files(FetchTest):
    def test_many_files(self):
        contents = {f"/d/file{i}.bin": random.Random(i).randbytes(i * 7000) for i in range(30)}
        urls = [self.serve(path, content) for path, content in contents.items()]
        self.make({b"urls": ("# all\n" + "\n".join(urls[10:]) + "\n").encode()})
        self.server.delay = 0.01
        got = self.fetch("--out", "out", "-j", "3", "-i", "urls", *urls[:10])
        self.assertEqual((got.status, got.err), (0, b""))
        for path, content in contents.items():
            self.assertEqual(self.read("out/" + path[3:]), content)
        self.assertEqual(len(self.names()), 30)
        self.assertLessEqual(self.server.most_running, 3)
        self.assertIn(b"30 of 30 files", got.out)

    def test_a_limit_for_each_host(self):
        urls = [self.serve(f"/{i}", b"x") for i in range(8)]
        self.server.delay = 0.02
        self.assertEqual(self.fetch("--out", "out", "--per-host", "1", *urls).status, 0)
        self.assertEqual(self.server.most_running, 1)

    def test_checksums(self):
        content = b"content"
        sums = ["sha256:" + hashlib.sha256(content).hexdigest(), sri(content), sri(content, "sha384"),
                "sha1:" + hashlib.sha1(content).hexdigest().upper()]
        urls = [self.serve(f"/{i}", content) for i in range(len(sums))]
        words = [word for checksum in sums for word in ("--checksum", checksum)]
        self.assertEqual(self.fetch("--out", "out", *words, *urls).status, 0)
        asked = len(self.server.seen)
        got = self.fetch("--out", "out", *words, *urls)  # all there already
        self.assertEqual((got.status, len(self.server.seen)), (0, asked))
        self.assertIn(b"is there already", got.out)
        got = self.fetch("--out", "other", "--checksum", "sha256:" + "0" * 64, urls[0])
        self.assertEqual((got.status, self.names("other")), (1, []))
        self.assertIn(b"another checksum", got.err)
        self.assertIn(urls[0].encode(), got.out)

    def test_manifest(self):
        url = self.serve("/x", b"one")
        self.make({b"wanted": f"# url name checksum\n{url} a {sri(b'one')}\n{url} b\n\n{url}\n".encode()})
        self.assertEqual(self.fetch("--out", "out", "--manifest", "wanted").status, 0)
        self.assertEqual(self.names(), ["a", "b", "x"])
        self.assertEqual(self.fetch("--out", "more", "--manifest", "-", input=f"{url} c".encode()).status, 0)
        self.assertEqual(self.names("more"), ["c"])

    def test_json(self):
        good, gone = self.serve("/good", b"12345"), self.server.url + "/gone"
        got = self.fetch("--json", "--out", "out", good, gone)
        report = json.loads(got.out)
        self.assertEqual(got.status, 1)
        self.assertEqual([(each["url"], each["ok"], each["bytes"], each["status"]) for each in report["files"]],
                         [(good, True, 5, 200), (gone, False, 0, 404)])
        self.assertEqual((report["summary"]["files"], report["summary"]["failed"]), (2, 1))


class Broken(FetchTest):
    content = random.Random(7).randbytes(400_000)

    def test_what_breaks_off_goes_on_where_it_was(self):
        url = self.serve("/file", self.content, '"v1"')
        self.server.break_after["/file"] = [150_000, 100_000]
        self.server.statuses["/file"] = [500]
        self.assertEqual(self.fetch("--out", "out", "--checksum", sri(self.content), url).status, 0)
        self.assertEqual(self.read("out/file"), self.content)
        self.assertEqual([headers.get("Range") is not None for _, headers in self.server.seen], [False, False, True, True])
        self.assertEqual(self.names(), ["file"])

    def test_without_a_mark_it_begins_anew(self):
        url = self.serve("/file", self.content)
        self.server.break_after["/file"] = [150_000]
        self.assertEqual(self.fetch("--out", "out", "--checksum", sri(self.content), url).status, 0)
        self.assertEqual([headers.get("Range") for _, headers in self.server.seen], [None, None])

    def test_nothing_half_written_stays(self):
        url = self.serve("/file", self.content, '"v1"')
        self.server.break_after["/file"] = [1000, 1000]
        got = self.fetch("--out", "out", "--retry", "1", url)
        self.assertEqual((got.status, self.names()), (1, []))
        self.assertIn(url.encode(), got.err)

    def test_resume(self):
        url = self.serve("/file", self.content, '"v1"')
        self.server.break_after["/file"] = [200_000]
        self.assertEqual(self.fetch("--out", "out", "--retry", "0", "--resume", url).status, 1)
        self.assertEqual(self.names(), [".file.treadle-part", ".file.treadle-part.from"])
        got = self.fetch("--out", "out", "--resume", "--json", "--checksum", sri(self.content), url)
        self.assertEqual((got.status, self.names()), (0, ["file"]), got.err)
        self.assertEqual(json.loads(got.out)["files"][0]["resumed_from"], 200_000)
        self.assertEqual(self.read("out/file"), self.content)

    def test_resume_of_what_has_changed_begins_anew(self):
        url = self.serve("/file", self.content, '"v1"')
        self.server.break_after["/file"] = [200_000]
        self.assertEqual(self.fetch("--out", "out", "--retry", "0", "--resume", url).status, 1)
        self.serve("/file", self.content[::-1], '"v2"')
        self.assertEqual(self.fetch("--out", "out", "--resume", url).status, 0)
        self.assertEqual(self.read("out/file"), self.content[::-1])

    def test_killed_at_any_instant(self):
        seed = int(os.environ.get("TREADLE_TEST_SEED", random.randrange(1 << 32)))
        print("seed", seed)
        chance = random.Random(seed)
        urls = [self.serve(f"/{i}", self.content[:50_000 * i], f'"{i}"') for i in range(1, 6)]
        for _ in range(ROUNDS):
            with subprocess.Popen([TOOL, "fetch", "--resume", "--out", "out", *urls], env=self.environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
                time.sleep(chance.random() * 0.1)
                killed.kill()
            for name in self.names():
                if not name.startswith("."):
                    self.assertEqual(self.read("out/" + name), self.content[:50_000 * int(name)])
            self.assertEqual(self.fetch("--resume", "--out", "out", *urls).status, 0)
            self.assertEqual(self.names(), ["1", "2", "3", "4", "5"])
            subprocess.run(["rm", "-rf", "out"], check=True)


class Answers(FetchTest):
    """A server whose answers are not what they say."""
    content = random.Random(8).randbytes(400_000)

    def gone_on_with(self, *answers, words=("--retry", "3"), etag='"v1"'):
        """Breaks off after 100,000 bytes, then answers so; what comes has to be whole all the same."""
        url = self.serve("/file", self.content, etag)
        self.server.seen.clear()
        self.server.break_after["/file"] = [100_000]
        self.server.scripts["/file"] = [None, *answers]
        got = self.fetch("--out", "out", *words, url)
        self.assertEqual((got.status, self.names()), (0, ["file"]), got.err)
        self.assertEqual(self.read("out/file"), self.content)
        os.unlink("out/file")
        return [headers.get("Range") for _, headers in self.server.seen]

    def part(self, start, stop, total=400_000, **headers):
        said = {"Content-Range": f"bytes {start}-{stop - 1}/{total}", **headers}
        return 206, said, self.content[start:stop]

    def test_a_range_that_is_shorter_than_the_file(self):
        self.gone_on_with(self.part(100_000, 150_000))
        status, said, body = self.part(100_000, 400_000)
        self.assertEqual(self.gone_on_with((status, said, body[:50_000])),
                         [None, "bytes=100000-", "bytes=150000-"])

    def test_a_range_of_another_place_or_thing(self):
        for answer in (self.part(0, 400_000), self.part(100_001, 400_000), self.part(100_000, 400_000, 400_001),
                       self.part(100_000, 300_000, 300_000), self.part(100_000, 400_000, "*"), (206, {}, self.content[100_000:]),
                       self.part(100_000, 400_000, ETag='"v2"'), (206, {"Content-Range": "bytes x"}, b""), (416, {}, b"")):
            self.assertEqual(self.gone_on_with(answer, words=("--retry", "1")), [None, "bytes=100000-", None], answer[:2])

    def test_a_range_that_nobody_asked_for(self):
        url = self.serve("/file", self.content)
        self.server.scripts["/file"] = [self.part(100_000, 400_000)]
        got = self.fetch("--out", "out", url)
        self.assertEqual((got.status, self.names()), (1, []))
        self.assertIn(b"another range", got.err)


class Planted(FetchTest):
    content = random.Random(9).randbytes(100_000)

    def test_what_has_the_name_of_the_part_is_neither_followed_nor_written_to(self):
        url = self.serve("/file", self.content, '"v1"')
        self.make({b"victim": b"kept"})
        os.mkdir("out")
        for plant in (lambda at: os.symlink("../victim", at), lambda at: os.symlink("../new", at),
                      lambda at: os.link("victim", at), os.mkfifo):
            for words in ((), ("--resume",)):
                plant("out/.file.treadle-part")
                self.make({b"out/.file.treadle-part.from": f'{url}\n"v1"\n'.encode()})
                got = self.fetch("--out", "out", *words, url)
                self.assertEqual((got.status, self.names()), (0, ["file"]), got.err)
                self.assertEqual((self.read("out/file"), self.read("victim")), (self.content, b"kept"))
                self.assertFalse(os.path.exists("new"))
                os.unlink("out/file")

    def test_a_note_that_is_no_file_is_none(self):
        url = self.serve("/file", self.content, '"v1"')
        self.make({b"out/.file.treadle-part": b"half"})
        os.mkfifo("out/.file.treadle-part.from")
        self.assertEqual(self.fetch("--out", "out", "--resume", url).status, 0)
        self.assertEqual((self.read("out/file"), self.names()), (self.content, ["file"]))

    def test_the_part_of_another_fetch_stays(self):
        url = self.serve("/file", self.content)
        self.make({b"out/.file.treadle-part": b"its"})
        with open("out/.file.treadle-part", "rb") as theirs:
            fcntl.flock(theirs, fcntl.LOCK_EX)
            got = self.fetch("--out", "out", url)
        self.assertEqual((got.status, self.read("out/.file.treadle-part")), (1, b"its"))
        self.assertIn(b"another fetch", got.err)

    def test_control_characters_reach_no_terminal(self):
        url = self.server.url + "/\x1b]0;x\x07\u009b2J"
        for words in ((), ("--json",)):
            got = self.fetch("--out", "out", "--manifest", "-", *words, input=f"{url} a\x1b[2J".encode())
            self.assertEqual(got.status, 1)
            for bad in (b"\x1b", b"\x07", b"\xc2\x9b"):
                self.assertNotIn(bad, got.err + got.out)


class Options(FetchTest):
    def test_bad_options_are_named_with_their_mend(self):
        url = self.server.url + "/x"
        self.refused(self.fetch(), "URL")
        self.refused(self.fetch("ftp://example.org/x"), "ftp://example.org/x", "http")
        self.refused(self.fetch("x"), "'x'", "URL")
        self.refused(self.fetch(self.server.url + "/"), "names no file", "--manifest")
        self.refused(self.fetch(url, self.server.url + "/y/x"), "'x'", "--manifest")
        self.refused(self.fetch("--checksum", "sha256:12", url), "sha256:12")
        self.refused(self.fetch("--checksum", sri(b""), url, self.server.url + "/y"), "1 checksums", "2 URLs")
        self.refused(self.fetch("-j", "0", url), "-j", "from 1")
        self.refused(self.fetch("--retry", "often", url), "--retry", "often")
        self.refused(self.fetch("--bogus", url), "--bogus")
        self.refused(self.fetch("--manifest", "-", input=f"{url} ../up".encode()), "../up")
        for kept in (".x.treadle-part", ".x.treadle-part.from"):
            self.refused(self.fetch("--manifest", "-", input=f"{url}\n{url} {kept}".encode()), kept, "not whole")
        self.refused(self.fetch("--manifest", "-", input=f"{url} a b c".encode()), "4 words")
        self.assertEqual(self.fetch("-i", "nowhere").status, 1)
        self.assertEqual(self.fetch("--help").status, 0)
        self.assertEqual(self.server.seen, [])


if __name__ == "__main__":
    unittest.main()
