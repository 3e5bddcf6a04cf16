#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what the pages say with the tree they describe.

    docs_check.py [--root DIR] [--programs DIR]

Pages are *.md at the root, in bench/, and under docs/. Rules, by the name that stands in a finding:

  cut       a block of C++ stands under `<!-- from: path -->`, and its lines stand in that file, in this order and without a gap; how far
            they are indented does not matter. A block of another language may be marked so, and is then compared as well
  printed   a block under `<!-- printed by: examples/x.cpp -->` is part of what that program prints; line breaks do not matter, nor do
            addresses and the numbers of slots and acquisitions. Needs --programs, the folder of the built examples
  link      a relative link leads to a file, and to a heading where it names one
  path      a path in backticks exists
  function  a function in backticks, `name()` or `room::name()`, stands in include/ or src/
  option    README names each field of buffer_pool_options in backticks
  decision  docs/decisions holds NNNN-<words>.md without a gap, and its README names each
"""
import argparse
import pathlib
import re
import subprocess
import sys
import textwrap

MARK = re.compile(r"<!-- (from|printed by): (\S+) -->")
FENCE = re.compile(r"^(\s*)```(\w*)\s*$")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
TREES = ("include/", "src/", "tests/", "docs/", "examples/", "bench/", "tools/", "scripts/", "cmake/", ".ci/")
PATH = re.compile(r"^[A-Za-z0-9_./-]+$")
FUNCTION = re.compile(r"^(?:[A-Za-z_]\w*(?:::|\.))*(~?[A-Za-z_]\w*)\(\)$")
VARYING = [(re.compile(r"0x[0-9a-f]+"), "ADDRESS"), (re.compile(r"\b(slot|acquisition) \d+"), r"\1 N")]


def pages_of(root):
    return sorted([*root.glob("*.md"), *root.glob("bench/*.md"), *(root / "docs").rglob("*.md")])


def slug(heading):
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def settle(text):
    """Text without what may vary from run to run, and without line breaks."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return " ".join(text.split())


class Check:
    def __init__(self, root, programs):
        self.root = root
        self.programs = programs
        self.findings = []
        self.output = {}
        self.code = "\n".join(path.read_text(encoding="utf-8") for tree in ("include", "src")
                              for path in sorted((root / tree).rglob("*")) if path.suffix in (".hpp", ".cpp", ".h"))

    def say(self, rule, page, line, text):
        self.findings.append(f"{page.relative_to(self.root).as_posix()}:{line}: [{rule}] {text}")

    def run(self):
        for page in pages_of(self.root):
            self.check_page(page)
        self.check_options()
        self.check_decisions()
        return self.findings

    def check_page(self, page):
        mark = block = None
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            fence = FENCE.match(line)
            if block is None and fence:
                block = (number, fence[2], mark, [])
            elif block is not None and fence and not fence[2]:
                self.check_block(page, *block)
                mark = block = None
            elif block is not None:
                block[3].append(line)
            elif found := MARK.search(line):
                mark = found
            elif line.strip():
                mark = None
                self.check_prose(page, number, line)
        if block is not None:
            self.say("cut", page, block[0], "the block has no end")

    def check_block(self, page, number, language, mark, lines):
        if mark is None:
            if language in ("cpp", "c++", "cxx"):
                self.say("cut", page, number, "the block does not say from which file it is: <!-- from: path -->")
            return
        source = self.root / mark[2]
        if not source.is_file():
            self.say("path", page, number, f"there is no {mark[2]}")
        elif mark[1] == "from":
            self.check_cut(page, number, lines, source)
        elif self.programs:
            self.check_printed(page, number, lines, source)

    def check_cut(self, page, number, lines, source):
        wanted = textwrap.dedent("\n".join(lines)).strip("\n").splitlines()
        there = source.read_text(encoding="utf-8").splitlines()
        for begin in range(len(there) - len(wanted) + 1):
            part = there[begin:begin + len(wanted)]
            if wanted and textwrap.dedent("\n".join(part)).splitlines() == wanted:
                return
        self.say("cut", page, number, f"these lines do not stand in {source.relative_to(self.root).as_posix()} one after the other")

    def check_printed(self, page, number, lines, source):
        name = source.stem
        if name not in self.output:
            done = subprocess.run([self.programs / name], capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                self.say("printed", page, number, f"{name} ended with {done.returncode}: {done.stderr.strip()}")
            self.output[name] = settle(done.stdout)
        wanted = settle("\n".join(lines))
        if not wanted or wanted not in self.output[name]:
            self.say("printed", page, number, f"{name} does not print this")

    def check_prose(self, page, number, line):
        for target in LINK.findall(CODE.sub("", line)):
            self.check_link(page, number, target)
        for word in CODE.findall(line):
            if word.startswith(TREES) and PATH.match(word) and not (self.root / word).exists():
                self.say("path", page, number, f"there is no {word}")
            if (function := FUNCTION.match(word)) and not re.search(rf"(?<!\w){re.escape(function[1])}\(", self.code):
                self.say("function", page, number, f"there is no {function[1]}() in include/ or src/")

    def check_link(self, page, number, target):
        if re.match(r"^[a-z]+:", target):
            return
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        if not there.exists():
            self.say("link", page, number, f"{target} leads nowhere")
        elif anchor and there.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            if anchor not in map(slug, headings):
                self.say("link", page, number, f"there is no heading {target}")

    def check_options(self):
        header = self.root / "include/polder/pools/options.hpp"
        readme = self.root / "README.md"
        if not header.exists() or not readme.exists():
            return
        body = header.read_text(encoding="utf-8").partition("struct buffer_pool_options {")[2].partition("\n};")[0]
        named = set(CODE.findall(readme.read_text(encoding="utf-8")))
        for field in re.findall(r"^\s+[\w:<>]+(?: [\w:<>]+)* (\w+)(?:\{\}| =)", body, re.MULTILINE):
            if field not in named:
                self.say("option", readme, 1, f"the option {field} is not named")

    def check_decisions(self):
        folder = self.root / "docs/decisions"
        pages = sorted(folder.glob("[0-9]*.md"))
        if not pages:
            return
        index = (folder / "README.md").read_text(encoding="utf-8") if (folder / "README.md").exists() else ""
        for count, page in enumerate(pages, 1):
            if not re.match(rf"^{count:04}-[a-z0-9-]+\.md$", page.name):
                self.say("decision", page, 1, f"the next number is {count:04}")
            if f"({page.name})" not in index:
                self.say("decision", page, 1, "the README of the decisions does not name it")


def check(root, programs=None):
    return Check(root.resolve(), programs).run()


def main():
    parser = argparse.ArgumentParser(description="Compares the documentation with the tree.")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--programs", type=pathlib.Path)
    arguments = parser.parse_args()
    findings = check(arguments.root, arguments.programs)
    print(*findings, sep="\n", end="\n" if findings else "")
    pages = len(pages_of(arguments.root))
    print(f"docs_check: {pages} pages, {len(findings)} findings")
    return 1 if findings or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
