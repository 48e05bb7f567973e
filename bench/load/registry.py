#!/usr/bin/env python3
"""Makes what the rows with installations need, once: registry.py FOLDER BUN_VERSION.

FOLDER/package.json and FOLDER/package-lock.json, whose URLs begin with @ORIGIN@; FOLDER/registry with the tarballs of
that lock file, as npm's configured registry gave them; FOLDER/bin/bun. Status 3: there is no npm.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys

PACKAGES = {"react": "^18", "typescript": "^5", "eslint": "^9", "webpack": "^5", "express": "^4", "lodash": "^4"}
ORIGIN = "@ORIGIN@"
NOT_OFFERED = 3


def npm(folder, *words):
    subprocess.run(["npm", *words, "--ignore-scripts", "--no-audit", "--no-fund", "--cache", folder / "npm"],
                   cwd=folder, check=True, stdout=subprocess.DEVNULL)


def content_of(cache, integrity):
    """Where npm's cache has a tarball."""
    kind, digest = integrity.split()[0].split("-", 1)
    text = base64.b64decode(digest).hex()
    return cache / "_cacache" / "content-v2" / kind / text[:2] / text[2:4] / text[4:]


def make_registry(folder):
    """The tarballs that npm has just fetched, each where the lock file will look for it."""
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    for place, package in lock["packages"].items():
        if "integrity" not in package:
            continue
        name = package.get("name", place.rpartition("node_modules/")[2])
        path = f"{name}/-/{name.rpartition('/')[2]}-{package['version']}.tgz"
        package["resolved"] = f"{ORIGIN}/{path}"
        content = content_of(folder / "npm", package["integrity"])
        if content.exists():  # those for other platforms are asked for by nobody
            (folder / "registry" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(content, folder / "registry" / path)
    (folder / "package-lock.json").write_text(json.dumps(lock, indent=2), encoding="utf-8")


def get_bun(folder, version):
    """The first of its builds that this processor runs."""
    (folder / "bun").mkdir()
    (folder / "bun" / "package.json").write_text("{}", encoding="utf-8")
    npm(folder / "bun", "install", f"bun@{version}")
    (folder / "bin").mkdir()
    for binary in sorted(folder.glob("bun/node_modules/@oven/*/bin/bun"), key=lambda path: len(str(path))):
        try:
            if subprocess.run([binary, "--version"], check=False, capture_output=True).returncode == 0:
                (folder / "bin" / "bun").symlink_to(binary)
                return
        except OSError:
            pass


def main():
    folder, version = pathlib.Path(sys.argv[1]).absolute(), sys.argv[2]
    if shutil.which("npm") is None:
        return NOT_OFFERED
    done = folder / f"done-{version}"
    if done.exists():
        return 0
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    manifest = {"name": "bench", "version": "1.0.0", "private": True, "dependencies": PACKAGES}
    (folder / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    npm(folder, "install", "--package-lock-only")
    npm(folder, "ci")
    make_registry(folder)
    shutil.rmtree(folder / "node_modules")
    get_bun(folder, version)
    shutil.rmtree(folder / "npm")
    done.touch()
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
