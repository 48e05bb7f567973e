"""treadle install: what it lays out, what it refuses, and that it is whole whoever kills it when."""
import fcntl
import gzip
import json
import os
import random
import stat
import subprocess
import tarfile
import time
import unittest

from compare_trees import differences
from registry import ROUNDS, Registry, member, package, sri, tarball
from support import TOOL, TreeTest, run


class InstallTest(TreeTest):
    def setUp(self):
        super().setUp()
        self.registry = Registry()
        kept = {key: value for key, value in os.environ.items()
                if not key.lower().startswith("npm_config_") and not key.lower().endswith("_proxy")}
        self.environment = {**kept, "HOME": self.folder.name, "XDG_CACHE_HOME": self.folder.name + "/cache",
                            "npm_config_globalconfig": "/nonexistent"}
        os.umask(0o022)

    def tearDown(self):
        self.registry.close()
        super().tearDown()

    def lock(self, packages, root=None, at="."):
        os.makedirs(at, exist_ok=True)
        with open(at + "/package-lock.json", "w", encoding="utf-8") as file:
            json.dump({"name": "demo", "version": "1.0.0", "lockfileVersion": 3, "requires": True,
                       "packages": {"": {"name": "demo", **(root or {})}, **packages}}, file)

    def install(self, *words, **options):
        return run("install", "--registry", self.registry.url, *words, env=self.environment, **options)

    def installed(self, *words):
        got = self.install("--json", *words)
        self.assertEqual(got.status, 0, got.err)
        return json.loads(got.out)

    def refused(self, *texts, words=()):
        got = self.install(*words)
        self.assertEqual(got.status, 1, got.err)
        for text in texts:
            self.assertIn(text.encode(), got.err)
        return got

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def files_below(self, path):
        return sorted(os.path.relpath(os.path.join(at, name), path) for at, _, names in os.walk(path) for name in names)

    def mode(self, path):
        return stat.S_IMODE(os.lstat(path).st_mode)


class Trees(InstallTest):
    def publish_three(self):
        tool = package("tool", "1.0.0", member("package/cli.js", b"#!/usr/bin/env node\r\nx\r\n", 0o600),
                       member("package/lib/run", b"r", 0o775), member("package/.gitignore", b"ignored"),
                       member("package/empty", kind=tarfile.DIRTYPE, mode=0o755),
                       member("package/link", kind=tarfile.SYMTYPE, link="cli.js"),
                       member("package/hard", kind=tarfile.LNKTYPE, link="package/cli.js"), bin="cli.js")
        packages = {
            "node_modules/@s/deep": self.registry.publish("@s/deep", package("@s/deep")),
            "node_modules/tool": {**self.registry.publish("tool", tool), "bin": {"tool": "cli.js"},
                                  "hasInstallScript": True},
            "node_modules/tool/node_modules/@s/deep": self.registry.publish("@s/deep", package("@s/deep", "2.0.0"), "2.0.0"),
        }
        self.lock(packages)
        return packages

    def test_lays_out_as_npm_does(self):
        packages = self.publish_three()
        report = self.installed()
        self.assertEqual(self.files_below("node_modules"), [
            ".bin/tool", ".package-lock.json", "@s/deep/package.json", "tool/.npmignore", "tool/cli.js", "tool/lib/run",
            "tool/node_modules/@s/deep/package.json", "tool/package.json"])
        self.assertTrue(os.path.isdir("node_modules/tool/empty"))
        self.assertEqual(os.readlink("node_modules/.bin/tool"), "../tool/cli.js")
        self.assertEqual([self.mode("node_modules/tool/" + name) for name in ("cli.js", "lib/run", "package.json", "lib")],
                         [0o755, 0o755, 0o644, 0o755])
        self.assertEqual(self.read("node_modules/tool/cli.js"), b"#!/usr/bin/env node\nx\r\n")
        self.assertEqual(json.loads(self.read("node_modules/tool/node_modules/@s/deep/package.json"))["version"], "2.0.0")
        self.assertEqual(json.loads(self.read("node_modules/.package-lock.json")),
                         {"name": "demo", "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages})
        self.assertEqual((report["packages"], report["downloaded"], report["scripts_not_run"]), (3, 3, ["tool@1.0.0"]))
        self.assertEqual([each["path"] for each in report["links_not_unpacked"]], ["hard", "link"])

    def test_a_second_run_needs_no_network_and_removes_what_is_extraneous(self):
        self.publish_three()
        self.installed()
        os.rename("node_modules", "first")
        self.make({b"node_modules/extraneous/index.js": b"", b"node_modules/.hidden": b""})
        asked = len(self.registry.seen)
        self.assertEqual(self.installed("--offline")["downloaded"], 0)
        self.assertEqual(len(self.registry.seen), asked)
        self.assertEqual(list(differences("first", "node_modules")), [])
        self.assertEqual(sorted(os.listdir(".")), ["cache", "first", "node_modules", "package-lock.json"])

    def test_offline_names_what_is_missing(self):
        self.publish_three()
        self.refused("tool@1.0.0", "--offline", words=("--offline",))
        self.assertEqual(self.registry.seen, [])

    def test_the_umask_counts(self):
        self.publish_three()
        for umask in (0o077, 0o002):
            for way in ("copy", "hardlink"):
                got = self.install("--link", way, preexec_fn=lambda value=umask: os.umask(value))
                self.assertEqual(got.status, 0, got.err)
                for name, mode in (("cli.js", 0o777), ("lib/run", 0o777), ("package.json", 0o666), ("lib", 0o777), ("", 0o777)):
                    self.assertEqual(self.mode("node_modules/tool/" + name), mode & ~umask, (name, oct(umask), way))

    def test_ways_to_link(self):
        self.publish_three()
        for way, links in (("copy", 1), ("hardlink", 2)):
            self.installed("--link", way)
            self.assertEqual(os.lstat("node_modules/tool/lib/run").st_nlink, links)
            self.assertEqual(self.mode("node_modules/tool/lib/run"), 0o755)
        self.assertIn(os.lstat("node_modules/tool/lib/run").st_nlink, (1, 2))

    def test_bundled_packages_come_with_their_parent(self):
        inner = json.dumps({"name": "inner", "version": "3.0.0"}).encode()
        outer = package("outer", "1.0.0", member("package/node_modules/inner/package.json", inner),
                        member("package/node_modules/inner/i.js", b"#!x\n"))
        self.lock({"node_modules/outer": self.registry.publish("outer", outer),
                   "node_modules/outer/node_modules/inner": {"version": "3.0.0", "inBundle": True, "bin": {"in": "i.js"}},
                   "node_modules/outer/node_modules/lost": {**self.registry.publish("lost", package("lost")), "inBundle": True}})
        self.installed()
        self.assertEqual(os.readlink("node_modules/outer/node_modules/.bin/in"), "../inner/i.js")
        self.assertEqual(self.mode("node_modules/outer/node_modules/inner/i.js"), 0o755)
        self.assertTrue(os.path.exists("node_modules/outer/node_modules/lost/package.json"))  # promised, but not in it

    def test_workspaces_and_links(self):
        self.make({b"packages/a/a.js": b"", b"lib/x/package.json": b"{}"})
        self.lock({"node_modules/a": {"resolved": "packages/a", "link": True},
                   "node_modules/@s/x": {"resolved": "lib/x", "link": True},
                   "packages/a": {"version": "1.0.0", "bin": {"a": "a.js"}}, "lib/x": {},
                   "packages/a/node_modules/dep": self.registry.publish("dep", package("dep"))})
        self.installed()
        self.installed()
        self.assertEqual(os.readlink("node_modules/a"), "../packages/a")
        self.assertEqual(os.readlink("node_modules/@s/x"), "../../lib/x")
        self.assertEqual(os.readlink("node_modules/.bin/a"), "../a/a.js")
        self.assertEqual(self.files_below("packages"), ["a/a.js", "a/node_modules/dep/package.json"])
        self.assertEqual(self.mode("packages/a/a.js"), 0o755)

    def test_what_a_workspace_had_goes_and_what_a_linked_folder_has_stays(self):
        for root, is_kept in (({"workspaces": ["w"]}, False), ({}, True)):
            self.make({b"w/node_modules/old/index.js": b"", b"w/package.json": b"{}"})
            self.lock({"node_modules/w": {"resolved": "w", "link": True}, "w": {"version": "1.0.0"}}, root)
            self.installed()
            self.assertEqual(os.path.exists("w/node_modules/old/index.js"), is_kept)

    def test_other_systems_packages_and_what_only_they_need_are_left_out(self):
        only = {**self.registry.publish("only", package("only")), "optional": True}
        self.lock({"node_modules/alien": {"version": "1.0.0", "optional": True, "os": ["plan9"],
                                          "dependencies": {"only": "1", "shared": "1"}},
                   "node_modules/only": only, "node_modules/shared": self.registry.publish("shared", package("shared")),
                   "node_modules/here": {**self.registry.publish("here", package("here")), "os": ["!win32"], "cpu": ["any"]}},
                  {"dependencies": {"shared": "1", "here": "1"}, "optionalDependencies": {"alien": "1"}})
        report = self.installed()
        self.assertEqual(sorted(os.listdir("node_modules")), [".package-lock.json", "here", "shared"])
        self.assertEqual([each["path"] for each in report["left_out"]], ["node_modules/alien", "node_modules/only"])

    def test_required_packages_of_other_systems_are_refused(self):
        self.lock({"node_modules/alien": {**self.registry.publish("alien", package("alien")), "os": ["plan9"]}})
        self.refused("alien@1.0.0", "plan9", "not optional")

    def test_omit(self):
        self.lock({"node_modules/d": {**self.registry.publish("d", package("d")), "dev": True},
                   "node_modules/o": {**self.registry.publish("o", package("o")), "optional": True},
                   "node_modules/p": self.registry.publish("p", package("p"))})
        self.installed("--omit", "dev", "--omit", "optional")
        self.assertEqual(sorted(os.listdir("node_modules")), [".package-lock.json", "p"])

    def test_file_tarballs(self):
        content = package("local")
        self.make({b"vendor/local.tgz": content})
        self.lock({"node_modules/local": {"version": "1.0.0", "resolved": "file:vendor/local.tgz", "integrity": sri(content)}})
        self.installed("--offline")
        self.assertEqual(self.files_below("node_modules/local"), ["package.json"])


class Network(InstallTest):
    def test_npmrc_names_registry_and_token(self):
        self.lock({"node_modules/a": self.registry.publish("a", package("a")),
                   "node_modules/@s/b": {"version": "1.0.0"}})
        other = Registry()
        self.addCleanup(other.close)
        scoped = other.publish("@s/b", package("@s/b"))
        del scoped["resolved"]
        with open(".npmrc", "w", encoding="utf-8") as file:
            file.write(f"registry = {self.registry.url}/\n@s:registry={other.url}\n; a comment\n"
                       f"//{self.registry.url[7:]}/:_authToken=${{SECRET}}\n")
        got = run("install", env={**self.environment, "SECRET": "s3cret"})
        self.assertEqual(got.status, 0, got.err)
        self.assertEqual([(path, headers.get("Authorization")) for path, headers in self.registry.seen],
                         [("/a/-/a-1.0.0.tgz", "Bearer s3cret")])
        self.assertEqual([(path, headers.get("Authorization")) for path, headers in other.seen],
                         [("/@s/b/-/b-1.0.0.tgz", None)])
        self.assertNotIn(b"s3cret", got.out + got.err)

    def test_never_more_requests_than_asked(self):
        self.registry.delay = 0.02
        self.lock({f"node_modules/p{i}": self.registry.publish(f"p{i}", package(f"p{i}")) for i in range(12)})
        self.installed("-j", "2")
        self.assertLessEqual(self.registry.most_running, 2)

    def test_what_breaks_off_is_tried_again(self):
        content = package("a", "1.0.0", member("package/large", random.Random(1).randbytes(300_000)))
        self.lock({"node_modules/a": self.registry.publish("a", content)})
        self.registry.break_after["/a/-/a-1.0.0.tgz"] = [1000]
        self.registry.statuses["/a/-/a-1.0.0.tgz"] = [503]
        self.installed()
        self.assertEqual(len(self.registry.seen), 3)

    def test_optional_packages_may_be_missing_others_not(self):
        gone = {"version": "1.0.0", "resolved": self.registry.url + "/gone", "integrity": sri(b"")}
        good = self.registry.publish("good", package("good"))
        self.lock({"node_modules/gone": {**gone, "optional": True}, "node_modules/good": good})
        report = self.installed()
        self.assertEqual([each["path"] for each in report["left_out"]], ["node_modules/gone"])
        self.assertEqual(sorted(os.listdir("node_modules")), [".package-lock.json", "good"])
        self.lock({"node_modules/gone": gone, "node_modules/good": good})
        self.refused("gone@1.0.0", "404")
        self.assertEqual(sorted(os.listdir("node_modules")), [".package-lock.json", "good"])

    def test_the_strongest_digest_counts(self):
        content = package("a")
        entry = self.registry.publish("a", content)
        for integrity, is_good in ((sri(content, "sha1"), True), (sri(content, "sha1") + " " + sri(b"other"), False),
                                   (sri(b"other", "sha1") + " " + sri(content, "sha384"), True)):
            self.lock({"node_modules/a": {**entry, "integrity": integrity}})
            self.assertEqual(self.install().status, 0 if is_good else 1, integrity)


class Hostile(InstallTest):
    def check_refused(self, content, *texts, integrity=None, words=()):
        self.make({b"node_modules/old/kept": b""})
        entry = self.registry.publish("evil", content)
        good = self.registry.publish("good", package("good"))
        self.lock({"node_modules/evil": {**entry, **({"integrity": integrity} if integrity else {})}, "node_modules/good": good})
        self.refused("evil@1.0.0", *texts, words=words)
        self.assertEqual(self.files_below("node_modules"), ["old/kept"])
        self.assertEqual(sorted(os.listdir(".")), ["cache", "node_modules", "package-lock.json"])
        self.assertEqual(os.listdir("cache/treadle/packages/tmp"), [])
        self.assertFalse([each for each in self.files_below("cache") if b"evil" in self.read("cache/" + each)])

    def evil(self, *members):
        return package("evil", "1.0.0", *members)

    def test_absolute_path(self):
        self.check_refused(self.evil(member("/tmp/treadle-evil", b"x")), "/tmp/treadle-evil", "absolute")
        self.assertFalse(os.path.exists("/tmp/treadle-evil"))

    def test_path_that_leads_upwards(self):
        for path in ("package/../../evil", "../evil", "package/a/.."):
            self.check_refused(self.evil(member(path, b"x")), path, "leads upwards")

    def test_devices(self):
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            self.check_refused(self.evil(member("package/device", kind=kind)), "package/device", "neither file nor folder")

    def test_a_link_is_not_written_through(self):
        outside = self.folder.name + "/outside"
        self.lock({"node_modules/evil": self.registry.publish("evil", self.evil(
            member("package/way", kind=tarfile.SYMTYPE, link=outside), member("package/way/evil", b"x")))})
        self.installed()
        self.assertFalse(os.path.exists(outside))
        self.assertTrue(os.path.isdir("node_modules/evil/way") and not os.path.islink("node_modules/evil/way"))

    def test_huge_sizes(self):
        self.check_refused(self.evil(member("package/zeros", bytes(300_000))), "zeros", "larger than 200,000",
                           words=("--most-package-bytes", "200000"))
        info = tarfile.TarInfo("package/claims")
        info.size = 1 << 50
        self.check_refused(gzip.compress(info.tobuf()), "claims", "larger than")

    def test_damaged_tarballs(self):
        whole = self.evil(member("package/bytes", random.Random(2).randbytes(200_000)))
        self.check_refused(whole[:len(whole) // 2], "damaged")
        self.check_refused(b"\x1f\x8b\x08\x00" + bytes(100), "tarball")
        self.check_refused(b"no tarball at all", "tarball")
        self.check_refused(b"", "tarball")

    def test_wrong_integrity(self):
        self.check_refused(self.evil(), "integrity", integrity=sri(b"something else"))

    def test_integrity_that_is_none(self):
        for text in ("md5-AAAA", "sha512-short", "nonsense"):
            self.check_refused(self.evil(), "integrity", text, integrity=text)

    def test_file_and_folder_of_one_name(self):
        self.check_refused(self.evil(member("package/a", b"x"), member("package/a/b", b"y")), "a file and a folder")

    def test_hostile_lock_files(self):
        entry = self.registry.publish("a", package("a"))
        for path in ("node_modules/../../evil", "/evil", "../evil/node_modules/a", "node_modules/.bin", "node_modules/a/..",
                     "node_modules/@s", "node_modules//a", "a/../node_modules/b", "node_modules/a\0b", "node_modules/a\\b"):
            with self.subTest(path=path):
                self.lock({path: entry})
                self.refused("refused")
        self.lock({"node_modules/a": {"resolved": "/etc", "link": True}})
        self.refused("node_modules/a", "link")
        self.lock({"node_modules/a": {"resolved": "b", "link": True}, "node_modules/a/node_modules/c": entry})
        self.refused("below a link")
        self.lock({"node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@example.org/a/b.git#1"}})
        self.refused("git@1.0.0", "npm ci")
        for text in ("", "{", "[]", '{"lockfileVersion": 1, "dependencies": {}}', '{"lockfileVersion": 3}'):
            self.make({b"package-lock.json": text.encode()})
            self.refused("package-lock.json")
        self.assertEqual(self.registry.seen, [])

    def test_commands_do_not_leave_their_package(self):
        content = package("a", "1.0.0", member("package/x", b""))
        self.lock({"node_modules/a": {**self.registry.publish("a", content),
                                      "bin": {"../../up": "x", "..": "x", "out": "../../../x", "gone": "gone"}}})
        self.installed()
        self.assertEqual(sorted(os.listdir("node_modules/.bin")), ["out", "up"])
        self.assertEqual(os.readlink("node_modules/.bin/out"), "../a/x")


class Kills(InstallTest):
    def test_killed_at_any_instant_it_leaves_the_old_or_the_new_and_ends_complete(self):
        seed = int(os.environ.get("TREADLE_TEST_SEED", random.randrange(1 << 32)))
        print("seed", seed)
        chance = random.Random(seed)
        self.lock({f"node_modules/p{i}": {**self.registry.publish(f"p{i}", package(
            f"p{i}", "1.0.0", *(member(f"package/f{k}", chance.randbytes(3000)) for k in range(8)))), "bin": {f"c{i}": "f0"}}
                   for i in range(12)})
        start = time.monotonic()
        self.installed()
        once = time.monotonic() - start
        os.rename("node_modules", "whole")
        for turn in range(ROUNDS):
            if turn % 2 == 0:
                subprocess.run(["rm", "-rf", "cache/treadle"], check=True)
            subprocess.run(["rm", "-rf", "node_modules"], check=True)
            if turn % 3:
                self.make({b"node_modules/old/kept": b""})
            with subprocess.Popen([TOOL, "install", "--registry", self.registry.url], env=self.environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
                time.sleep(chance.random() * once * 1.2)
                killed.kill()
            if os.path.exists("node_modules") and not os.path.exists("node_modules/old"):
                self.assertEqual(list(differences("whole", "node_modules")), [])
            self.installed()
            self.assertEqual(list(differences("whole", "node_modules")), [])
            self.assertEqual(sorted(os.listdir(".")), ["cache", "node_modules", "package-lock.json", "whole"])
            self.assertEqual(os.listdir("cache/treadle/packages/tmp"), [])

    def test_one_at_a_time_has_the_project(self):
        self.lock({})
        at = os.open(".", os.O_RDONLY)
        self.addCleanup(os.close, at)
        fcntl.flock(at, fcntl.LOCK_EX)
        self.refused("another treadle install")


class Options(InstallTest):
    def test_bad_options_are_named_with_their_mend(self):
        for words in (("-j", "0"), ("-j", "two"), ("--omit", "most"), ("--link", "symlink"), ("--bogus",), ("extra",),
                      ("--most-package-bytes", "-1")):
            with self.subTest(words=words):
                got = self.install(*words)
                self.assertEqual((got.status, got.out, len(got.errors)), (2, b"", 1), got.err)
                self.assertIn(words[-1].encode(), got.err)
        self.assertEqual(self.install("--help").status, 0)
        self.refused("package-lock.json", "No such file")


if __name__ == "__main__":
    unittest.main()
