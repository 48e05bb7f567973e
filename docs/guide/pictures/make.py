#!/usr/bin/env python3
"""Makes the pictures of docs/guide/slow-*.md anew: traces the programs of examples/slow and photographs their pages.

usage: make.py [BUILD]: by default build/release, with the tool and the examples built. Needs chromium and chromedriver.
"""
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/tool"))
from browser import Browser  # noqa: E402

# Each shows its advice and its timeline, and no more.
HIDE = """
for (const each of document.querySelectorAll('main > section, .pair, footer, .tiles, .search, .keys')) {
  if (!each.querySelector('#advice, #timeline')) each.style.display = 'none';
}
document.querySelector('.top').style.position = 'static';
document.querySelector('.keys').style.display = 'none';
"""


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release")
    tool = build / "bin/treadle"
    with tempfile.TemporaryDirectory(prefix="treadle-pictures-") as folder, Browser(1000, 760) as browser:
        for source in sorted((ROOT / "examples/slow").glob("*.cpp")):
            trace = pathlib.Path(folder) / f"{source.stem}.json"
            program = build / "examples" / f"slow_{source.stem}"
            subprocess.run([tool, "trace", "--out", trace, "--", program], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            subprocess.run([tool, "report", trace], check=True, stdout=subprocess.DEVNULL)
            browser.open(trace.with_suffix(".html"))
            browser.run(HIDE)
            browser.run("document.querySelector('#advice button')?.click();"
                        "document.querySelector('#fit').click(); scrollTo(0, 0)")
            picture = ROOT / "docs/guide/pictures" / f"slow-{source.stem.replace('_', '-')}.png"
            browser.picture(picture)
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
