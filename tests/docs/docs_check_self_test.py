#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs_check.py finds what is wrong, and nothing in a tree that is right."""
import pathlib
import tempfile
import unittest

import docs_check

RIGHT = {
    "examples/x.cpp": "int main() {\n    int a = 1;\n    return a - 1;\n}\n",
    "include/polder/pools/options.hpp":
        "struct buffer_pool_options {\n    std::string name{};\n    std::size_t idle_bytes_max = f();\n};\n",
    "src/core/a.cpp": "void arena::drain() {}\n",
    "docs/decisions/README.md": "[one](0001-one.md)\n",
    "docs/decisions/0001-one.md": "# One thing\n",
    "README.md": "# Title\n`name` `idle_bytes_max` `src/core/a.cpp` `arena::drain()`\n"
                 "[d](docs/decisions/0001-one.md#one-thing) [t](#title)\n"
                 "<!-- from: examples/x.cpp -->\n```cpp\nint a = 1;\nreturn a - 1;\n```\n"
                 "<!-- printed by: examples/x.cpp -->\n```text\nslot 7 at\n0xabc\n```\n",
}


class SelfTest(unittest.TestCase):
    def rules(self, changed=None, old="", new="", prints="slot 9 at 0x123 and more"):
        """The rules broken in the right tree after `old` became `new` in the file `changed`."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in RIGHT.items():
                if name == changed:
                    self.assertIn(old, text)
                    text = text.replace(old, new)
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            program = root / "examples" / "x"
            program.write_text(f"#!/bin/sh\necho '{prints}'\n", encoding="utf-8")
            program.chmod(0o755)
            findings = docs_check.check(root, root / "examples")
            return sorted(finding.split("[")[1].split("]")[0] for finding in findings)

    def test_a_right_tree(self):
        self.assertEqual(self.rules(), [])

    def test_code_that_is_not_in_the_example(self):
        self.assertEqual(self.rules("README.md", "int a = 1;", "int a = 2;"), ["cut"])

    def test_code_with_a_gap(self):
        self.assertEqual(self.rules("examples/x.cpp", "    return", "\n    return"), ["cut"])

    def test_code_from_nowhere(self):
        self.assertEqual(self.rules("README.md", "<!-- from: examples/x.cpp -->\n", ""), ["cut"])

    def test_output_that_is_not_printed(self):
        self.assertEqual(self.rules(prints="slot 9 is at 0x123"), ["printed"])

    def test_dead_links(self):
        self.assertEqual(self.rules("README.md", "0001-one.md#one-thing", "0002-two.md"), ["link"])
        self.assertEqual(self.rules("README.md", "#one-thing", "#another-thing"), ["link"])
        self.assertEqual(self.rules("README.md", "(#title)", "(#titel)"), ["link"])

    def test_a_path_that_does_not_exist(self):
        self.assertEqual(self.rules("README.md", "`src/core/a.cpp`", "`src/core/b.cpp`"), ["path"])

    def test_a_function_that_does_not_exist(self):
        self.assertEqual(self.rules("src/core/a.cpp", "drain", "empty"), ["function"])

    def test_an_option_that_is_not_named(self):
        self.assertEqual(self.rules("README.md", "`idle_bytes_max`", ""), ["option"])

    def test_a_decision_that_is_not_listed(self):
        self.assertEqual(self.rules("docs/decisions/README.md", "0001-one", "0001-One"), ["decision", "link"])

    def test_a_number_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "docs/decisions").mkdir(parents=True)
            (root / "docs/decisions/0002-two.md").write_text("# Two\n", encoding="utf-8")
            (root / "docs/decisions/README.md").write_text("[two](0002-two.md)\n", encoding="utf-8")
            self.assertEqual(len(docs_check.check(root)), 1)


if __name__ == "__main__":
    unittest.main()
