#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Positive controls of layer_check.py: a clean little tree passes, and each kind of breach put into it is found."""
import pathlib
import subprocess
import sys
import tempfile

import layer_check

CHECK = pathlib.Path(__file__).resolve().parent / "layer_check.py"
LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"
HEADER = LICENCE + "#pragma once\n"

CLEAN = {
    "include/polder/polder.hpp": HEADER + '#include "polder/pools/buffer_pool.hpp"\n',
    "include/polder/base/config.hpp": HEADER + "#if defined(__linux__)\n#endif\n",
    "include/polder/os/file.hpp": HEADER + '#include <fcntl.h>\n#include "polder/base/config.hpp"\n#ifdef __linux__\n#endif\n',
    "include/polder/core/arena.hpp": HEADER + '#include "polder/os/file.hpp"\n',
    "include/polder/pools/buffer_pool.hpp": HEADER + "#include <span>\n#include <polder/core/arena.hpp>\n"
                                            "// a chunk in a comment, 1'000'000 and a \"bin\" in a string are no identifiers\n"
                                            'inline const char* text = "/usr/bin";\ninline int binary = 1\'000;\n',
    "include/polder/integrations/asio.hpp": HEADER + '#include <boost/asio.hpp>\n#include "polder/pools/buffer_pool.hpp"\n',
    "src/core/arena.cpp": LICENCE + '#include "polder/core/arena.hpp"\n',
    "src/core/arena_refill.cpp": LICENCE + '#include "polder/core/arena.hpp"\n#include "parts.hpp"\n',
    "src/core/parts.hpp": HEADER,
    "tests/unit/core/arena_test.cpp": LICENCE + '#include "polder/core/arena.hpp"\n#include "support/help.hpp"\n',
    "tests/support/help.hpp": HEADER + "#include <gtest/gtest.h>\n",
    "tools/main.cpp": LICENCE + '#include "polder/pools/buffer_pool.hpp"\n',
    "bench/speed.cpp": LICENCE + "#include <polder/polder.hpp>\n",
    "examples/hello.cpp": LICENCE + "#include <polder/pools/buffer_pool.hpp>\n",
    "tests/layers/excuses.txt": "# none\n",
}

# what is wrong, the rule that must say so, and the files that make it wrong
BREACHES = [
    ("upward include", "rank", {"include/polder/base/low.hpp": HEADER + '#include "polder/core/arena.hpp"\n'}),
    ("upward include in angle brackets", "rank", {"src/os/file.cpp": LICENCE + "#  include <polder/core/arena.hpp>\n"}),
    ("a room includes the umbrella", "rank", {"src/core/arena.cpp": LICENCE + '#include "polder/polder.hpp"\n'}),
    ("a relative include of a public header", "rank", {"include/polder/core/near.hpp": HEADER + '#include "arena.hpp"\n'}),
    ("the library includes a test", "rank", {"src/core/arena.cpp": LICENCE + '#include "tests/support/help.hpp"\n'}),
    ("an unknown room", "room", {"include/polder/attic/box.hpp": HEADER}),
    ("a source outside any room", "room", {"src/stray.cpp": LICENCE}),
    ("a header that does not exist", "missing", {"tools/main.cpp": LICENCE + '#include "polder/pools/none.hpp"\n'}),
    ("two rooms in a circle", "folder_cycle", {
        "include/polder/base/a.hpp": HEADER + '#include "polder/os/b.hpp"\n',
        "include/polder/os/b.hpp": HEADER + '#include "polder/base/config.hpp"\n'}),
    ("three files of a room in a circle", "file_cycle", {
        "include/polder/core/a.hpp": HEADER + '#include "polder/core/b.hpp"\n',
        "include/polder/core/b.hpp": HEADER + '#include "polder/core/c.hpp"\n',
        "include/polder/core/c.hpp": HEADER + '#include "polder/core/a.hpp"\n'}),
    ("a file that includes itself", "file_cycle", {"tools/me.hpp": HEADER + '#include "me.hpp"\n'}),
    ("two test helpers in a circle", "file_cycle", {
        "tests/support/help.hpp": HEADER + '#include "support/more.hpp"\n',
        "tests/support/more.hpp": HEADER + '#include "help.hpp"\n'}),
    ("a tool uses core", "public", {"tools/main.cpp": LICENCE + '#include "polder/core/arena.hpp"\n'}),
    ("a benchmark uses os", "public", {"bench/speed.cpp": LICENCE + "#include <polder/os/file.hpp>\n"}),
    ("an example uses src", "public", {"examples/hello.cpp": LICENCE + '#include "../src/core/parts.hpp"\n'}),
    ("a public header uses a private one", "public", {
        "include/polder/core/arena.hpp": HEADER + '#include "../../../src/core/parts.hpp"\n'}),
    ("base uses the system", "std_only", {"include/polder/base/config.hpp": HEADER + "#include <unistd.h>\n"}),
    ("a library in a public header", "third_party", {"include/polder/core/arena.hpp": HEADER + "#include <fmt/format.h>\n"}),
    ("a library without a folder", "third_party", {"src/core/arena.cpp": LICENCE + "#include <zmq.h>\n"}),
    ("a file of 401 lines", "length", {"src/core/arena.cpp": LICENCE + "\n" * 400}),
    ("a test of 601 lines", "length", {"tests/unit/core/arena_test.cpp": LICENCE + "\n" * 600}),
    ("a line of 141 characters", "width", {"src/core/arena.cpp": LICENCE + "//" + "x" * 139 + "\n"}),
    ("a source without a header", "mirror", {"src/core/lonely.cpp": LICENCE}),
    ("a part of a header of another room", "mirror", {"src/os/arena_refill.cpp": LICENCE}),
    ("a unit test without a header", "mirror", {"tests/unit/core/lonely_test.cpp": LICENCE}),
    ("a unit test without a room", "mirror", {"tests/unit/arena_test.cpp": LICENCE}),
    ("a banned word", "words", {"src/core/arena.cpp": LICENCE + "int chunk_size;\n"}),
    ("a banned word in the middle", "words", {"tools/main.cpp": LICENCE + "int first_bucket = 1'0; char c = 'x';\n"}),
    ("a banned word in camel case", "words", {"bench/speed.cpp": LICENCE + "struct SizeBin {};\n"}),
    ("an OS check outside os/", "os_check", {"src/core/arena.cpp": LICENCE + "#ifdef __linux__\n#endif\n"}),
    ("an OS check in an expression", "os_check", {"tools/main.cpp": LICENCE + "#if 1 && defined(_WIN32)\n#endif\n"}),
    ("a header without a guard", "guard", {"include/polder/core/bare.hpp": LICENCE}),
    ("a file without a licence", "licence", {"examples/hello.cpp": "int main() {}\n"}),
    ("an excuse without a reason", "excuse", {"tests/layers/excuses.txt": "rank | src/a.cpp | * |\n"}),
    ("an excuse nobody needs", "excuse", {"tests/layers/excuses.txt": "rank | src/core/*.cpp | * | it was needed once\n"}),
]


def plant(folder, files):
    for name, text in {**CLEAN, **files}.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def find(files):
    with tempfile.TemporaryDirectory() as folder:
        plant(folder, files)
        return layer_check.check(pathlib.Path(folder))[0]


def exit_status(folder):
    return subprocess.run([sys.executable, CHECK, "--root", folder], capture_output=True, check=False).returncode


def main():
    failures = [f"the clean tree is refused: {finding}" for finding in find({})]
    for what, rule, files in BREACHES:
        findings = find(files)
        if rule not in (finding.rule for finding in findings):
            failures.append(f"not found: {what} [{rule}]; found: {[str(finding) for finding in findings]}")

    banned = {"src/core/arena.cpp": LICENCE + "int chunk_size;\n"}
    excuse = {"tests/layers/excuses.txt": "words | src/core/arena.cpp | 'chunk_size'* | a name of the format we read\n"}
    failures += [f"an excuse is not honoured: {finding}" for finding in find({**banned, **excuse})]

    with tempfile.TemporaryDirectory() as folder:
        if exit_status(folder) == 0:
            failures.append("an empty tree passes")
        plant(folder, {})
        if exit_status(folder) != 0:
            failures.append("the clean tree does not end with status 0")
        plant(folder, banned)
        if exit_status(folder) != 1:
            failures.append("a breach does not end with status 1")

    for failure in failures:
        print(failure)
    print(f"layer_check self-test: {len(BREACHES)} breaches tried, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
