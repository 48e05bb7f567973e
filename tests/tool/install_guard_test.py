"""treadle install among planted links, odd files and lock files that ask for too much; and what it loads and leaves."""
import gzip
import io
import os
import random
import socket
import subprocess
import tarfile
import unittest

from install_test import InstallTest
from registry import Registry, member, package
from support import TOOL, drop_override, limit_descriptors, run


class Links(InstallTest):
    def test_a_workspace_behind_a_link_is_refused(self):
        dep = self.registry.publish("dep", package("dep"))
        self.make({b"outside/node_modules/kept": b"", b"outside/b/node_modules/kept": b""})
        os.makedirs("p")
        os.symlink("../outside", "p/packages")
        for workspace in ("packages", "packages/b"):
            self.lock({"node_modules/w": {"resolved": workspace, "link": True}, workspace: {"version": "1.0.0"},
                       workspace + "/node_modules/dep": dep}, {"workspaces": [workspace]}, at="p")
            self.refused(workspace, "symbolic link", words=("--lockfile", "p/package-lock.json"))
        self.assertEqual(self.files_below("outside"), ["b/node_modules/kept", "node_modules/kept"])
        self.assertEqual(self.registry.seen, [])

    def test_modes_are_changed_through_no_link_and_not_outside(self):
        self.make({b"secret": b"s", b"outside/cmd": b"o", b"p/w/real": b"r"})
        for path in ("secret", "outside/cmd", "p/w/real"):
            os.chmod(path, 0o600)
        os.symlink("../../secret", "p/w/way")
        os.symlink("../../outside", "p/w/folder")
        self.lock({"node_modules/w": {"resolved": "w", "link": True},
                   "w": {"version": "1.0.0", "bin": {"a": "way", "b": "folder/cmd", "c": "real"}},
                   "node_modules/o": {"resolved": "../outside", "link": True}, "../outside": {"bin": {"o": "cmd"}},
                   "node_modules/s": {"resolved": "w/../../outside", "link": True, "bin": {"s": "cmd"}}}, at="p")
        self.installed("--lockfile", "p/package-lock.json")
        self.assertEqual([self.mode(path) for path in ("secret", "outside/cmd", "p/w/real")], [0o600, 0o600, 0o755])
        self.assertEqual(sorted(os.listdir("p/node_modules/.bin")), ["a", "b", "c", "o", "s"])

    def test_a_link_outside_of_node_modules_is_refused(self):
        self.make({b"src/x": b""})
        self.lock({"src/planted": {"resolved": "..", "link": True}})
        self.refused("src/planted", "link")
        self.assertEqual(os.listdir("src"), ["x"])

    def test_what_lies_aside_is_removed_and_not_followed(self):
        self.make({b"outside/kept": b""})
        os.symlink("outside", ".treadle-node_modules")
        os.symlink("outside", "node_modules")
        self.lock({"node_modules/a": self.registry.publish("a", package("a"))})
        self.installed()
        self.assertEqual((self.files_below("outside"), os.path.islink("node_modules")), (["kept"], False))


class OddFiles(InstallTest):
    def test_file_tarballs_that_are_no_files(self):
        os.mkfifo("pipe")
        os.mkdir("folder")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
            for path in ("pipe", "folder", "/dev/zero", "/dev/tty"):
                self.lock({"node_modules/a": {"version": "1.0.0", "resolved": "file:" + path}})
                self.refused("a@1.0.0", path, *(() if path == "/dev/tty" else ("is no file",)))
            self.lock({"node_modules/a": {"version": "1.0.0", "resolved": "file:socket"}})
            self.refused("a@1.0.0", "socket")

    def test_configuration_that_is_no_file_is_none(self):
        os.mkfifo(".npmrc")
        self.environment["npm_config_userconfig"] = "/dev/null"
        self.lock({"node_modules/a": self.registry.publish("a", package("a"))})
        self.installed()
        os.mkfifo("lock")
        self.refused("lock", "is no file", words=("--lockfile", "lock"))

    def test_a_tarball_that_memory_is_not_spent_on(self):
        bytes_ = random.Random(3).randbytes(18 << 20)
        self.lock({"node_modules/a": self.registry.publish("a", package("a", "1.0.0", member("package/large", bytes_)))})
        self.installed()
        self.assertEqual(self.read("node_modules/a/large"), bytes_)
        self.assertEqual(os.listdir("cache/treadle/packages/tmp"), [])

    def test_control_characters_reach_no_terminal(self):
        odd = "\x1b]0;x\x07\u009b2J\u202e"
        entry = self.registry.publish("a", package("a"))
        for lock in ({"integrity": "sha512-" + odd}, {"os": [odd]}, {"version": odd, "resolved": self.registry.url + "/gone"},
                     {"resolved": "file:" + odd}):
            self.lock({"node_modules/a": {**entry, **lock}})
            for words in ((), ("--json",)):
                got = self.install(*words)
                self.assertEqual((got.status, got.errors != []), (1, True))
                for bad in (b"\x1b", b"\x07", b"\xc2\x9b", b"\xe2\x80\xae"):
                    self.assertNotIn(bad, got.err + got.out, lock)


class Sizes(InstallTest):
    def refuse_tarball(self, content, *texts, words=(), **fields):
        self.lock({"node_modules/evil": {**self.registry.publish("evil", content), **fields}})
        self.refused("evil@1.0.0", *texts, words=words)
        self.assertEqual(sorted(os.listdir(".")), ["cache", "package-lock.json"])
        self.assertEqual(os.listdir("cache/treadle/packages/tmp"), [])

    def sparse(self, real_bytes, offset):
        """A file of `real_bytes` with ten bytes at `offset`, in GNU's sparse format 1.0."""
        data = f"1\n{offset}\n10\n".encode().ljust(512, b"\0") + b"0123456789"
        info = tarfile.TarInfo("package/GNUSparseFile.0/s")
        info.size = len(data)
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "package/s",
                            "GNU.sparse.realsize": str(real_bytes)}
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(info, io.BytesIO(data))
        return gzip.compress(made.getvalue())

    def test_the_size_of_a_sparse_file_is_what_it_would_be_read_as(self):
        self.refuse_tarball(self.sparse(1 << 40, 0), "larger than")
        self.refuse_tarball(self.sparse(300_000, 0), "larger than", words=("--most-package-bytes", "200000"))
        self.refuse_tarball(self.sparse(100, 1 << 40), "evil@1.0.0")
        self.lock({"node_modules/good": self.registry.publish("good", self.sparse(300_000, 1000))})
        self.installed()
        self.assertEqual(self.read("node_modules/good/s"), bytes(1000) + b"0123456789" + bytes(298_990))

    def test_what_is_not_unpacked_counts(self):
        zeros = bytes(300_000)
        for name, kind, link in (("package", tarfile.REGTYPE, ""), ("package/.gitignore", tarfile.REGTYPE, "")):
            self.refuse_tarball(package("evil", "1.0.0", member("package/.npmignore"), member(name, zeros, kind=kind, link=link)),
                                "larger than 200,000", words=("--most-package-bytes", "200000"))

    def test_paths_that_are_too_deep_or_too_long(self):
        for optional in (False, True):
            for path in ("a/" * 1500, "a/" * 129, "b" * 300 + "/", ("c" * 200 + "/") * 20):
                self.refuse_tarball(package("evil", "1.0.0", member("package/" + path + "f", b"x")), "evil@1.0.0",
                                    "deep" if path[0] == "a" else "too long", optional=optional)
        self.lock({"node_modules/good": self.registry.publish("good", package("good", "1.0.0", member(
            "package/" + "a/" * 128 + "f", b"x")))})
        self.installed()
        self.assertTrue(os.path.exists("node_modules/good/" + "a/" * 128 + "f"))


class Tokens(InstallTest):
    def test_a_token_goes_to_its_registry_alone(self):
        other = Registry()
        self.addCleanup(other.close)
        host, path = self.registry.url[7:], "/a/-/a-1.0.0.tgz"
        entry = {**self.registry.publish("a", package("a")), "resolved": self.registry.url + path}
        other.files[path] = self.registry.files[path]
        self.lock({"node_modules/a": entry})
        token = f"//{host}/:_authToken=s3cret\n"
        for registry, redirects, expected in ((self.registry.url, False, "Bearer s3cret"),
                                              (self.registry.url, True, "Bearer s3cret"),
                                              (f"https://{host}", False, None), (other.url, False, None)):
            self.registry.seen.clear()
            other.seen.clear()
            self.registry.scripts[path] = [(302, {"Location": other.url + path}, b"")] if redirects else []
            self.make({b".npmrc": f"registry={registry}\n{token}".encode()})
            got = run("install", "--cache", f"c{registry}{redirects}".replace("/", "_"), env=self.environment)
            self.assertEqual(got.status, 0, got.err)
            self.assertEqual([headers.get("Authorization") for _, headers in self.registry.seen], [expected])
            self.assertEqual([headers.get("Authorization") for _, headers in other.seen], [None] if redirects else [])

    def test_a_path_that_leads_upwards_has_no_token(self):
        path = "/b/-/b-1.0.0.tgz"
        entry = {**self.registry.publish("b", package("b")), "resolved": self.registry.url + "/team/.." + path}
        self.lock({"node_modules/b": entry})
        self.make({b".npmrc": f"registry={self.registry.url}\n//{self.registry.url[7:]}/team/:_authToken=s3cret\n".encode()})
        self.assertEqual(run("install", env=self.environment).status, 0)
        self.assertEqual([headers.get("Authorization") for _, headers in self.registry.seen], [None])


    def test_messages_hold_no_secret_of_a_url(self):
        url = self.registry.url.replace("//", "//user:s3cret@") + "/gone?key=s3cret"
        self.lock({"node_modules/a": {"version": "1.0.0", "resolved": url}})
        got = self.refused("a@1.0.0", self.registry.url + "/gone", "404")
        self.assertNotIn(b"s3cret", got.err + got.out)


class Store(InstallTest):
    script = b"#!/usr/bin/env node\r\nx\r\n"

    def test_commands_are_those_of_the_present_lock_file(self):
        entry = self.registry.publish("tool", package("tool", "1.0.0", member("package/cli.js", self.script)))
        with_command, without = {**entry, "bin": {"tool": "cli.js"}}, entry
        for way in ("hardlink", "copy"):
            for lock, mode, is_mended in ((with_command, 0o755, True), (without, 0o644, False), (with_command, 0o755, True)):
                self.lock({"node_modules/tool": lock})
                self.installed("--link", way)
                self.assertEqual(self.mode("node_modules/tool/cli.js"), mode, way)
                self.assertEqual(self.read("node_modules/tool/cli.js") == self.script, not is_mended, way)
        self.lock({"node_modules/tool": with_command, "node_modules/b/node_modules/tool": without,
                   "node_modules/b": self.registry.publish("b", package("b"))})
        self.installed("--link", "hardlink")
        self.assertEqual([self.mode(f"node_modules/{at}tool/cli.js") for at in ("", "b/node_modules/")], [0o755, 0o644])

    @unittest.skipUnless(os.environ.get("TREADLE_TOOL_ON_DEMAND"), "this treadle is linked with both")
    def test_from_the_store_neither_libcurl_nor_libarchive_is_loaded(self):
        self.lock({"node_modules/a": self.registry.publish("a", package("a"))})
        for turn, is_expected in (("cold", True), ("warm", False)):
            os.mkdir(turn)
            got = run(
                "install", "--registry", self.registry.url,
                env={**self.environment, "LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": self.folder.name + f"/{turn}/log"})
            self.assertEqual(got.status, 0, got.err)
            loaded = b"".join(self.read(f"{turn}/{name}") for name in os.listdir(turn))
            self.assertIn(b"libcrypto", loaded)
            for library in (b"libcurl", b"libarchive"):
                self.assertEqual(library in loaded, is_expected, (turn, library))


class Leftovers(InstallTest):
    def test_an_old_tree_goes_however_deep_and_read_only_it_is(self):
        self.lock({"node_modules/a": self.registry.publish("a", package("a"))})
        os.makedirs("node_modules/fixed/folder")
        self.make({b"node_modules/fixed/folder/file": b""})
        os.chmod("node_modules/fixed/folder", 0o111)
        os.chmod("node_modules/fixed", 0o555)
        here = os.getcwd()
        os.chdir("node_modules")
        for _ in range(1500):
            os.mkdir("deep")
            os.chdir("deep")
        os.chdir(here)
        for _ in range(2):
            got = self.install(preexec_fn=lambda: (drop_override(), limit_descriptors(200)()))
            self.assertEqual(got.status, 0, got.err)
            self.assertEqual(sorted(os.listdir(".")), ["cache", "node_modules", "package-lock.json"])
            self.assertEqual(sorted(os.listdir("node_modules")), [".package-lock.json", "a"])

    def test_an_old_one_that_was_put_aside_is_put_back(self):
        self.make({b".treadle-old-node_modules/old": b"", b".treadle-node_modules/half": b""})
        self.lock({"node_modules/gone": {"version": "1.0.0", "resolved": self.registry.url + "/gone"}})
        self.refused("gone@1.0.0", "404")
        self.assertEqual(sorted(os.listdir(".")), ["cache", "node_modules", "package-lock.json"])
        self.assertEqual(os.listdir("node_modules"), ["old"])
        self.lock({"node_modules/a": self.registry.publish("a", package("a"))})
        self.make({b".treadle-old-node_modules/older": b""})
        self.installed()
        self.assertEqual(sorted(os.listdir(".")), ["cache", "node_modules", "package-lock.json"])
        self.assertEqual(sorted(os.listdir("node_modules")), [".package-lock.json", "a"])

    def test_replacing_that_fails_midway_is_made_good_by_the_next_run(self):
        dep, places = self.registry.publish("dep", package("dep")), ("", "w1/", "w2/")
        self.make({(place + "node_modules/old").encode(): b"" for place in places})
        self.lock({"w1": {}, "w2": {}, **{place + "node_modules/dep": dep for place in places}})
        in_mount = ["unshare", "-m", "sh", "-c", 'mount --bind w1/node_modules w1/node_modules || exit 77; exec "$@"', "sh"]
        try:
            got = subprocess.run([*in_mount, TOOL, "install", "--registry", self.registry.url], env=self.environment,
                                 stdin=subprocess.DEVNULL, capture_output=True, timeout=100, check=False)
        except FileNotFoundError:
            self.skipTest("no unshare here")
        if b"mount point" not in got.stderr and got.returncode != 0:
            self.skipTest("nothing can be mounted here")
        self.assertEqual(got.returncode, 1)
        self.assertEqual([os.listdir(place + "node_modules") for place in places], [["old"], ["old"], ["dep"]])
        for place in places:
            self.assertFalse([name for name in os.listdir(place or ".") if name.startswith(".")])
        self.installed()
        self.assertEqual([sorted(os.listdir(place + "node_modules")) for place in places],
                         [[".package-lock.json", "dep"], ["dep"], ["dep"]])


if __name__ == "__main__":
    unittest.main()
