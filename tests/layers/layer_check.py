#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads every source file and says where the house rules are broken.

    layer_check.py [--root DIR] [--excuses FILE]

Rules, by the name that stands in a finding and in excuses.txt:

  rank         a file includes its own room or a room of lower rank, by its full path "polder/<room>/<file>.hpp"
  room         every file under include/polder and src belongs to a room of the table below
  missing      an included polder header exists
  folder_cycle, file_cycle
               no cycle among rooms, nor among files (tests, tools and benches included)
  public       tools, bench and examples use public headers: no os/, no core/, nothing from src/
  std_only     rank 0 includes the C++ standard library and nothing else
  third_party  ranks 0 to 6 include no other people's libraries
  length       a file has at most 400 lines, a test 600
  width        a line has at most 140 characters
  mirror       src/<room>/x.cpp and tests/unit/<room>/x_test.cpp stand beside include/polder/<room>/x.hpp;
               x_<part>.cpp is an additional part of x
  words        one word per concept: the banned words of the glossary are in no identifier
  os_check     only os/ (and base/config.hpp) ask which operating system this is
  guard        a header says #pragma once
  licence      the first line is the SPDX identifier
  excuse       excuses.txt is well-formed and nothing in it is out of date
"""
import argparse
import fnmatch
import pathlib
import re
import sys

RANKS = {"base": 0, "os": 1, "core": 2, "observe": 3, "pools": 4, "blocks": 5, "mapped": 6, "integrations": 7}
DOORS = "(doors)"  # include/polder/polder.hpp and include/polder/<room>.hpp, above all rooms
UNSTABLE_ROOMS = {"os", "core"}
TREES = ("include", "src", "tools", "tests", "bench", "examples")
SUFFIXES = {".hpp", ".cpp", ".h"}
LINES_MAX = 400
TEST_LINES_MAX = 600
WIDTH_MAX = 140
BANNED_WORDS = {"chunk", "chunks", "bucket", "buckets", "bin", "bins"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
OS_CHECK = re.compile(
    r"^\s*#\s*(if|ifdef|ifndef|elif|elifdef|elifndef)\b.*"
    r"\b(__linux__|__linux|linux|__gnu_linux__|_WIN32|_WIN64|__APPLE__|__MACH__|__FreeBSD__|__OpenBSD__|__NetBSD__|__unix__|__ANDROID__)\b")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
C_HEADERS = {  # of libc: what ranks 1 to 6 may include besides the C++ standard library
    "aio.h", "assert.h", "byteswap.h", "cpuid.h", "ctype.h", "dirent.h", "dlfcn.h", "elf.h", "endian.h", "errno.h", "execinfo.h",
    "fcntl.h", "immintrin.h", "inttypes.h", "limits.h", "link.h", "malloc.h", "math.h", "poll.h", "pthread.h", "sched.h",
    "semaphore.h", "signal.h", "spawn.h", "stdint.h", "stddef.h", "stdio.h", "stdlib.h", "string.h", "strings.h", "syscall.h",
    "syslog.h", "time.h", "unistd.h", "x86intrin.h"}
SYSTEM_FOLDERS = ("sys/", "linux/", "asm/", "arpa/", "net/", "netinet/", "bits/", "sanitizer/", "valgrind/")


class Finding:
    def __init__(self, rule, path, line, text):
        self.rule, self.path, self.line, self.text = rule, path, line, text

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.text}"


class Source:
    """One file: its text, where it belongs, and what it includes."""

    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.tree = self.path.split("/")[0]
        self.room = room_of(self.path)
        self.is_header = path.suffix != ".cpp"
        self.includes = []  # (line number, "<" or '"', name)
        for number, line in enumerate(self.lines, 1):
            if match := INCLUDE.match(line):
                self.includes.append((number, match[1], match[2]))


def room_of(path):
    """The room of a path inside include/polder or src; DOORS for the headers above the rooms; None elsewhere."""
    parts = path.split("/")
    if parts[:2] == ["include", "polder"]:
        return DOORS if len(parts) == 3 else parts[2]
    if parts[0] == "src":
        return parts[1] if len(parts) > 2 else ""
    return None


def strongly_connected(graph):
    """The groups of two or more nodes that reach each other (Tarjan), and nodes that reach themselves in one step."""
    order, low, on_stack, stack, groups = {}, {}, set(), [], []

    def visit(start):
        work = [(start, iter(sorted(graph.get(start, ()))))]
        order[start] = low[start] = len(order)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, successors = work[-1]
            for successor in successors:
                if successor not in order:
                    order[successor] = low[successor] = len(order)
                    stack.append(successor)
                    on_stack.add(successor)
                    work.append((successor, iter(sorted(graph.get(successor, ())))))
                    break
                if successor in on_stack:
                    low[node] = min(low[node], order[successor])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    group = []
                    while not group or group[-1] != node:
                        group.append(stack.pop())
                        on_stack.discard(group[-1])
                    if len(group) > 1 or node in graph.get(node, ()):
                        groups.append(sorted(group))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return groups


class Check:
    def __init__(self, root):
        self.root = root
        self.findings = []
        self.sources = {}
        for tree in TREES:
            for path in sorted((root / tree).rglob("*")):
                if path.suffix in SUFFIXES and path.is_file():
                    source = Source(root, path)
                    self.sources[source.path] = source

    def say(self, rule, source, line, text):
        self.findings.append(Finding(rule, source.path, line, text))

    def run(self):
        file_graph = {path: set() for path in self.sources}
        room_graph = {}
        for source in self.sources.values():
            self.check_place(source)
            self.check_text(source)
            for line, quote, name in source.includes:
                target = self.resolve(source, quote, name)
                self.check_include(source, line, quote, name, target)
                if target in self.sources:
                    file_graph[source.path].add(target)
                    target_room = self.sources[target].room
                    if source.room and target_room and source.room != target_room:
                        room_graph.setdefault(source.room, set()).add(target_room)
        for rule, graph in (("folder_cycle", room_graph), ("file_cycle", file_graph)):
            for group in strongly_connected(graph):
                self.findings.append(Finding(rule, group[0], 1, "cycle: " + " <-> ".join(group)))
        return self.findings

    def resolve(self, source, quote, name):
        """The path of an included file in this tree, whether it exists or not for polder headers, else None."""
        if name.startswith("polder/"):
            return "include/" + name
        if quote == '"':
            folder = source.path.rsplit("/", 1)[0]
            for place in (folder, source.tree, "."):
                path = pathlib.PurePosixPath(place, name).as_posix()
                parts = []
                for part in path.split("/"):
                    if part == ".." and parts:
                        parts.pop()
                    elif part != ".":
                        parts.append(part)
                if (found := "/".join(parts)) in self.sources:
                    return found
        return None

    def check_place(self, source):
        if source.room is not None and source.room != DOORS and source.room not in RANKS:
            self.say("room", source, 1, f"'{source.room}' is not a room; rooms are {', '.join(RANKS)}")
        parts = source.path.split("/")
        stem = None
        if source.tree == "src" and not source.is_header and len(parts) == 3:
            stem = parts[2].removesuffix(".cpp")
        elif parts[:2] == ["tests", "unit"] and source.path.endswith("_test.cpp"):
            if len(parts) == 4 and parts[2] in RANKS:
                stem = parts[3].removesuffix("_test.cpp")
            else:
                self.say("mirror", source, 1, "a unit test stands in tests/unit/<room>/")
        if stem is not None:
            room = parts[-2]
            words = stem.split("_")
            headers = [f"include/polder/{room}/{'_'.join(words[:count])}.hpp" for count in range(len(words), 0, -1)]
            if not any(header in self.sources for header in headers):
                self.say("mirror", source, 1, f"there is no {headers[0]} (nor a header it could be an additional part of)")

    def check_text(self, source):
        limit = TEST_LINES_MAX if source.tree == "tests" else LINES_MAX
        if len(source.lines) > limit:
            self.say("length", source, len(source.lines), f"{len(source.lines)} lines, at most {limit} are allowed")
        if not source.lines or source.lines[0] != "// SPDX-License-Identifier: Apache-2.0":
            self.say("licence", source, 1, "the first line is not '// SPDX-License-Identifier: Apache-2.0'")
        if source.is_header and "#pragma once" not in source.lines:
            self.say("guard", source, 1, "no #pragma once")
        may_ask = source.room == "os" or source.path == "include/polder/base/config.hpp"
        for number, line in enumerate(source.lines, 1):
            if len(line) > WIDTH_MAX:
                self.say("width", source, number, f"{len(line)} characters, at most {WIDTH_MAX} are allowed")
            if not may_ask and (match := OS_CHECK.match(line)):
                self.say("os_check", source, number, f"asks about {match[2]}; only os/ and base/config.hpp may")
        code = NOT_CODE.sub(lambda match: "\n" * match[0].count("\n") + " ", source.text)
        for number, line in enumerate(code.splitlines(), 1):
            if INCLUDE.match(line):
                continue
            for name in IDENTIFIER.findall(line):
                for word in WORD.findall(name):
                    if word.lower() in BANNED_WORDS:
                        self.say("words", source, number, f"'{name}' contains the banned word '{word.lower()}'")

    def check_include(self, source, line, quote, name, target):
        room = source.room
        if target and target.startswith("include/"):
            if target not in self.sources:
                self.say("missing", source, line, f"there is no {target}")
                return
            target_room = self.sources[target].room
            if not name.startswith("polder/"):
                self.say("rank", source, line, f'write the full path: "{target.removeprefix("include/")}"')
            if room in RANKS:
                if target_room == DOORS:
                    self.say("rank", source, line, f"{room} (rank {RANKS[room]}) includes the door {name}, which stands above")
                elif RANKS.get(target_room, -1) > RANKS[room]:
                    self.say("rank", source, line, f"{room} (rank {RANKS[room]}) includes {name} (rank {RANKS[target_room]})")
            if source.tree in ("tools", "bench", "examples") and target_room in UNSTABLE_ROOMS:
                self.say("public", source, line, f"{name}: {target_room}/ is not public")
            return
        if name.split("/")[0] == "src" or "../src/" in name or (target and target.startswith("src/") and source.tree != "src"):
            if source.tree != "tests":
                self.say("public", source, line, f"{name}: src/ is private")
            return
        if room is None or room == DOORS or room not in RANKS or RANKS[room] == RANKS["integrations"]:
            return
        if target:  # a private header of src/, or somebody else's file
            target_room = self.sources[target].room
            if target_room is None:
                self.say("rank", source, line, f"the library includes {target}, which is not part of it")
            elif source.tree == "include":
                self.say("public", source, line, f"{name}: a public header includes a private one")
            elif RANKS.get(target_room, -1) > RANKS[room]:
                self.say("rank", source, line, f"{room} (rank {RANKS[room]}) includes {target} (rank {RANKS[target_room]})")
            return
        is_std = "/" not in name and "." not in name
        is_system = name in C_HEADERS or name.startswith(SYSTEM_FOLDERS)
        if not is_std and not is_system:
            self.say("third_party", source, line, f"{name} is neither of the standard library nor of the system")
        elif not is_std and RANKS[room] == 0:
            self.say("std_only", source, line, f"{name} is not of the C++ standard library")


def apply_excuses(path, findings):
    """Removes what is excused; adds a finding for each excuse that is malformed or idle."""
    complaints = []
    excuses = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 4 or not all(fields) or fields[0] == "excuse":
            complaints.append(Finding("excuse", path.name, number, "not of the form: rule | path | what it says | why"))
        else:
            excuses.append([number, fields, 0])
    left = []
    for finding in findings:
        for excuse in excuses:
            rule, where, what, _ = excuse[1]
            if rule == finding.rule and fnmatch.fnmatchcase(finding.path, where) and fnmatch.fnmatchcase(finding.text, what):
                excuse[2] += 1
                break
        else:
            left.append(finding)
    for number, fields, used in excuses:
        if not used:
            complaints.append(Finding("excuse", path.name, number, f"excuses nothing any more: {' | '.join(fields[:3])}"))
    return left + complaints, sum(used for _, _, used in excuses)


def check(root, excuses=None):
    """Findings that are left, how many were excused, and how many files were read."""
    tree = Check(root.resolve())
    findings, excused = apply_excuses(excuses or root / "tests/layers/excuses.txt", tree.run())
    return sorted(findings, key=lambda f: (f.rule, f.path, f.line)), excused, len(tree.sources)


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Checks the house rules of the source tree.")
    parser.add_argument("--root", type=pathlib.Path, default=here.parent.parent)
    parser.add_argument("--excuses", type=pathlib.Path)
    arguments = parser.parse_args()
    findings, excused, files = check(arguments.root, arguments.excuses)
    for finding in findings:
        print(finding)
    print(f"layer_check: {files} files, {len(findings)} findings, {excused} excused")
    return 1 if findings or not files else 0


if __name__ == "__main__":
    sys.exit(main())
