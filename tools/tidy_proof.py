"""For tools/tidy: do the models still mirror the code, and has every promise its tests?"""
import hashlib
import os
import re

from tidy_text import arguments, line_of, list_files, read_text, split_cpp

MIRRORS = re.compile(r"\bmirrors:\s+(\S+)\s+(\w+)\s+([0-9a-f]+)")
PROMISES = "docs/promises.md"


def function_text(code, name):
    """The code of each function of this name that has a body, in one line without comments; None if there is none."""
    found = []
    for match in re.finditer(r"(?<![\w.>])" + name + r"\s*\(", code):
        after = match.end() + len(arguments(code, match.end() - 1)) + 1
        head = re.match(r"\s*(?:const\b\s*)?(?:noexcept\b\s*)?(?:override\b\s*)?\{", code[after:])
        if head is None:
            continue
        depth, at = 0, after + head.end() - 1
        for at in range(at, len(code)):
            depth += {"{": 1, "}": -1}.get(code[at], 0)
            if depth == 0:
                break
        found.append(" ".join(code[match.start():at + 1].split()))
    return "\n".join(found) if found else None


def current_hash(root, source, name):
    full = os.path.join(root, source)
    text = function_text(split_cpp(read_text(full))[0], name) if os.path.isfile(full) else None
    return hashlib.sha256(text.encode()).hexdigest()[:8] if text is not None else None


def check_mirrors(root, path, text, report):
    """A model says of which functions it is the picture, and of which state of them."""
    for match in MIRRORS.finditer(text):
        source, name, known = match.groups()
        now, line = current_hash(root, source, name), line_of(text, match.start())
        if now is None:
            report.add(path, line, f"mirrors {source} {name}, which is not there")
        elif now != known:
            report.add(path, line, f"{name} in {source} has changed: mend the model, then `tools/tidy --mirrors` "
                       f"(now {now})")


def renew_mirrors(root):
    """Writes the hashes of today into the models."""
    for path in list_files(root):
        if not path.endswith(".pml"):
            continue
        text = read_text(os.path.join(root, path))
        new = MIRRORS.sub(lambda match: match.group().rpartition(match.group(3))[0]
                          + (current_hash(root, match.group(1), match.group(2)) or match.group(3)), text)
        if new != text:
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(new)
            print(f"{path}: hashes renewed")


def known_tests(root):
    """The tests that the sources define, by ctest's name: suite.case.name, without the parameters of TEST_P."""
    found = set()
    for path in list_files(root):
        suite = re.match(r"tests/(\w+)/", path)
        if suite is None:
            continue
        text = read_text(os.path.join(root, path)) or ""
        if path.endswith("_test.cpp"):
            for case, name in re.findall(r"\b(?:(?:TYPED_)?TEST(?:_F|_P)?|TREADLE_MODEL)\(\s*(\w+)\s*,\s*(\w+)\s*[,)]",
                                         text):
                found.add(f"{suite.group(1)}.{case}.{name}")
        elif path.endswith("_test.py"):
            name = f"{suite.group(1)}.{os.path.basename(path)[:-len('_test.py')]}"
            found.add(name)
            found.update(f"{name}.{method}" for method in re.findall(r"(?m)^    def test_(\w+)\(", text))
        elif path.endswith(".pml"):
            stem, runs = os.path.basename(path)[:-len(".pml")], 0
            for what, kind in re.findall(r"^ \* (run|fault): (\S+)", text, re.MULTILINE):
                runs += what == "run"
                found.add(f"{suite.group(1)}.{stem}.{kind}" + (f"_{runs}" if what == "run" else ""))
    return found


def check_promises(root, report):
    """Each row of the promises names tests that exist."""
    full = os.path.join(root, PROMISES)
    if not os.path.isfile(full):
        return
    tests = known_tests(root)
    for number, line in enumerate(read_text(full).splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("| ") or len(cells) < 2 or cells[1] == "tests":
            continue
        named = re.findall(r"`([^`]+)`", cells[-1])
        if not named:
            report.add(PROMISES, number, "a promise without a test")
        for name in named:
            if name not in tests:
                report.add(PROMISES, number, f"there is no test {name}")
