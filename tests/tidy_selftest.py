#!/usr/bin/env python3
"""Plants one fault at a time in a small tree and asks tools/tidy to find it, and nothing in a tree without fault."""
import os
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools", "tidy")

MODEL = "# Memory model\n\n| edge | why |\n|---|---|\n| `E-PUSH` | a task is whole before it is seen |\n"
KERNEL = """#pragma once
#include <treadle/config.hpp>
template <class P>
struct ring {
  void push() { tail.store(1, std::memory_order_release); }  // E-PUSH
  // E-PUSH: the thief
  int steal() { return tail.load(std::memory_order_acquire); }
  typename P::template atomic<int> tail;
};
"""
SPIN = "/* run: safety\n * mirrors: include/treadle/detail/ring.hpp push f84d4eb4\n */\n"
PROMISES = "| promise | tests |\n|---|---|\n| it runs | `unit.pool.runs` |\n"
CLEAN = {
    "include/treadle/config.hpp": "#pragma once\n",
    "include/treadle/task.hpp": "#pragma once\n#include <treadle/config.hpp>\n",
    "include/treadle/thread_pool.hpp": "#pragma once\n#include <treadle/task.hpp>\n",
    "include/treadle/detail/ring.hpp": KERNEL,
    "src/os/clock.cpp": "#include <unistd.h>\n#include <treadle/config.hpp>\n",
    "src/core/pool.cpp": "#include <treadle/thread_pool.hpp>\n",
    "tools/treadle/main.cpp": "#include <unistd.h>\n#include <treadle/thread_pool.hpp>\nint main() {}\n",
    "docs/design/memory-model.md": MODEL,
    "examples/readme.cpp": "int main() {}\n",
    "docs/promises.md": PROMISES,
    "tests/unit/pool_test.cpp": "TEST(pool, runs) {}\n",
    "tests/spin/ring.pml": SPIN,
    "README.md": "# The pool\n\nSee [the model](docs/design/memory-model.md#memory-model) and [above](#the-pool).\n",
}


def function(lines, head="int f(int a) {", note=""):
    return note + head + "\n" + "  a += 1;\n" * (lines - 2) + "}\n"


def in_machine_folder(name):
    return "/" + name + "/someone/file"


# path, its new text, what tidy must say
PLANTED = [
    ("include/treadle/task.hpp", "#pragma once\n#include <treadle/thread_pool.hpp>\n", "task.hpp:2: .*floor 3"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("config", "task"), "ring.hpp:2: .*floor 2"),
    ("examples/cookbook/stew.cpp", "int main() {}\n", "stew.cpp:1: .*does not show"),
    ("include/treadle/novelty.hpp", "#pragma once\n", "novelty.hpp:1: .*no floor"),
    ("include/treadle/task.hpp", "#include <treadle/config.hpp>\n", "pragma once"),
    ("include/treadle/task.hpp", "#pragma once\n#include <unistd.h>\n", "task.hpp:2: .*only src/os"),
    ("include/treadle/task.hpp", "#pragma once\n#include <ranges>\n", "cannot use this header"),
    ("include/treadle/task.hpp", "#pragma once\nauto v = x | std::views::take(2);\n", "std::views"),
    ("include/treadle/task.hpp", "#pragma once\nvoid f(std::source_location);\n", "source_site"),
    ("src/core/pool.cpp", "#include <sys/mman.h>\n", "pool.cpp:1: .*only src/os"),
    ("src/core/pool.cpp", "#include <linux/futex.h>\n", "only src/os"),
    ("src/os/clock.cpp", '#include "core/pool.hpp"\n', "clock.cpp:1: .*lies above src/os"),
    ("src/os/clock.cpp", '#include "../core/pool.hpp"\n', "clock.cpp:1: .*lies above src/os"),
    ("src/os/clock.cpp", "#include <treadle/thread_pool.hpp>\n", "clock.cpp:1: .*may include up to 1"),
    ("src/attic/a.cpp", "\n", "no floor"),
    ("tools/treadle/main.cpp", "#include <treadle/detail/ring.hpp>\n", "private"),
    ("src/core/pool.cpp", "// a line\n" * 501, "pool.cpp:501: 501 lines"),
    ("src/core/pool.cpp", "// " + "a" * 118 + "\n", "121 columns"),
    ("src/core/pool.cpp", "namespace a {\n" + function(71) + "}\n", "pool.cpp:2: a function of 71 lines"),
    ("src/core/pool.cpp", "struct s {\n s() : a{1}, b(2) {\n" + "int c;\n" * 70 + "}\n};\n", "pool.cpp:2: .*72 lines"),
    ("src/core/pool.cpp", function(71, "template <class T>\nauto g(T&& a) noexcept -> int {"), "function of 72 lines"),
    ("src/core/pool.cpp", function(71, "TEST(pool, is_long) {"), "function of 71 lines"),
    ("src/core/pool.cpp", function(71, "const auto f = [&](int a) {"), "function of 71 lines"),
    ("tests/x.py", "def f():\n" + "    a = 1\n" * 70, "x.py:1: a function of 71 lines"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("  // E-PUSH\n  //", "\n\n  //"), "ring.hpp:5: .*names no edge"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("load(std::memory_order_acquire)", "load()"), "no memory order"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("// E-PUSH: the thief", "// E-STEAL"), "E-STEAL has no row"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("// E-PUSH: the thief", "// E-STEAL"), "E-PUSH is tagged here"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("typename P::template ", "std::"), "from the Policy"),
    ("docs/design/memory-model.md", MODEL + "| **E-GONE** | nobody |\n", "memory-model.md:6: no code carries"),
    ("README.md", "See [this](docs/missing.md).\n", "README.md:1: .*leads nowhere"),
    ("README.md", "See [this](docs/design/memory-model.md#nothing).\n", "leads to no heading"),
    ("README.md", "```cpp\nint main() { return 1; }\n```\n", "README.md:1: the program is not"),
    ("docs/guide/files.md", "```cpp\nint main() { return 1; }\n```\n", "files.md:1: the program is not"),
    ("README.md", "It is at " + in_machine_folder("home") + "\n", "a path of one machine"),
    ("dev", "cd " + in_machine_folder("root") + "\n", "a path of one machine"),
    ("README.md", "TO" + "DO: write\n", "finish it"),
    ("src/core/pool.cpp", "// FIX" + "ME later\n", "finish it"),
    ("src/core/pool.cpp", "__attribute__((no_san" + "itize(\"thread\"))) void f();\n", "no sanitizer"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("tail.store(1", "tail.store(2"), "push in .* has changed"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("void push", "void pull"), "push, which is not there"),
    ("docs/promises.md", PROMISES.replace("runs`", "ran`"), "promises.md:3: there is no test unit.pool.ran"),
    ("docs/promises.md", PROMISES + "| it ends | none |\n", "promises.md:4: a promise without a test"),
    ("tests/unit/a_test.cpp", "TEST(pool, DIS" + "ABLED_runs) {}\n", "disabled test"),
]

# path, text: things that look like faults and are none
INNOCENT = [
    ("src/core/pool.cpp", function(71, note="// tidy: long-function because the table is one\n")),
    ("src/core/pool.cpp", function(70)),
    ("src/core/pool.cpp", '#include "../os/clock.hpp"\n#include "pool.hpp"\n'),
    ("src/core/pool.cpp", "namespace a {\n" + function(40) + function(40, "int g(int a) {") + "}\n"),
    ("src/core/pool.cpp", "class a : public b<c()> {\n" + "  int x;\n" * 80 + "};\n"),
    ("src/core/pool.cpp", "constexpr int a[] = {\n" + "  f(1),\n" * 80 + "};\n"),
    ("src/core/pool.cpp", "enum class a {\n" + "  b,\n" * 80 + "};\n"),
    ("src/core/pool.cpp", 'const char* a = R"(\n' + "f() {\n" * 80 + ')";\n'),
    ("src/core/pool.cpp", "// std::memory_order_acquire in a comment, and #include <sys/mman.h>\n"),
    ("src/core/pool.cpp", "const int a = 1'000'000; // 'quoted' \"\nconst char b = '{';\n"),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("#include", "#include <atomic>\n#include")),
    ("include/treadle/detail/ring.hpp", KERNEL.replace("// E-PUSH\n", "// E-PUSH: said in other words\n")),
    ("README.md", "`[a](b.md)` and\n```\n[c](d.md)\n```\nand <https://example.org/home/x>\n"),
    ("README.md", "```cpp\nint a;\n```\n\n```cpp\nint main() {}\n```\n"),
    ("README.md", "See [it](https://example.org/a#b) and [that](LICENSE).\n\n[ref]: README.md\n"),
]


def tidy_says(changes):
    """Runs tidy over the clean tree with `changes` made to it; returns its exit status and its words."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**CLEAN, "LICENSE": "MIT\n", **dict(changes)}.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        done = subprocess.run([sys.executable, TIDY, "--root", root], stdout=subprocess.PIPE, text=True, check=False)
        return done.returncode, done.stdout


class TidySelftest(unittest.TestCase):
    def test_finds_nothing_where_nothing_is(self):
        self.assertEqual(tidy_says([]), (0, ""))

    def test_finds_each_planted_fault(self):
        for path, text, expected in PLANTED:
            with self.subTest(expected=expected, path=path):
                status, words = tidy_says([(path, text)])
                self.assertEqual(status, 1)
                self.assertRegex(words, expected)

    def test_takes_no_innocent_for_a_fault(self):
        for path, text in INNOCENT:
            with self.subTest(path=path, text=text[:60]):
                self.assertEqual(tidy_says([(path, text)]), (0, ""))


if __name__ == "__main__":
    unittest.main()
