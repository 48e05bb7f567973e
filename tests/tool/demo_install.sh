#!/usr/bin/env bash
# Installs a lock file that npm makes here, and compares what is there then with what npm ci makes of it.
# Usage: demo_install.sh TREADLE FOLDER. Removes FOLDER first; needs npm and its registry.
set -euo pipefail

say() { printf '== %s\n' "$*"; }
die() { printf 'demo_install: %s\n' "$*" >&2; exit 1; }

[ $# = 2 ] || die "give the treadle command and a folder to work in"
tool=$(realpath "$1")
compare=$(dirname "$(realpath "$0")")/compare_trees.py
command -v npm >/dev/null || die "npm is not installed, and this demo compares with it (Debian: npm)"
command -v python3 >/dev/null || die "python3 is not installed, and this demo compares trees with it"
"$tool" install --help >/dev/null || die "this treadle has no install"

rm -rf "$2"
mkdir -p "$2/npm"
cd "$2"
cat >npm/package.json <<'END'
{"name": "demo", "version": "1.0.0", "dependencies": {"react": "^18", "react-dom": "^18"},
 "devDependencies": {"vite": "^5", "typescript": "^5"}}
END
say "npm resolves react, vite and typescript ($2/npm/package-lock.json)"
(cd npm && npm install --package-lock-only --ignore-scripts) >npm.log 2>&1 || die "npm cannot make a lock file ($2/npm.log)"
cp -r npm treadle

say "treadle install, with nothing in its store"
"$tool" install --lockfile treadle/package-lock.json --cache store || die "treadle install failed"
say "treadle install --offline, from its store"
"$tool" install --lockfile treadle/package-lock.json --cache store --offline || die "treadle install --offline failed"
start=$SECONDS
(cd npm && npm ci --ignore-scripts) >npm.log 2>&1 || die "npm ci failed ($2/npm.log)"
say "npm ci --ignore-scripts took $((SECONDS - start)) s"
python3 "$compare" npm treadle || die "the trees differ"
say "both trees are the same: $(find treadle -type f | wc -l) files and $(find treadle -type l | wc -l) links;" \
  "names, modes, targets and bytes"
