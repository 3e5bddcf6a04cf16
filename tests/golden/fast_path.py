#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of the fast path and compares them with a golden file.

fast_path.cpp is compiled with the flags of a release, at -O2 and at -O3, and disassembled. For each of its two functions:

  path      the fewest instructions from the entry to a return without a call: the way of an acquisition of an ordinary size that finds
            its slot on top of the stack, and of the release that puts it back there. Kinds: call, jcc (conditional jump), jmp, load,
            store, rmw (memory read and written by one instruction), locked (rmw with a lock prefix, or xchg with memory), other.
  function  all instructions of the function's own section; cold parts and the abort handlers of the sequences are elsewhere.

Two things hold whatever the golden file says: there is such a path, and nothing on it is locked.
fast_path.<gcc or clang>.txt names the version of the compiler that it was made with; another version is no evidence, and skipped.

    fast_path.py --compiler g++ [--update] [--show]
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LEVELS = ("-O2", "-O3")
FLAGS = ["-std=c++20", "-g0", "-DNDEBUG", "-DPOLDER_CHECKED=0", "-march=x86-64", "-mtune=generic", "-fPIE", "-ffunction-sections",
         "-fcf-protection=none", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"]
FUNCTIONS = ("fast_acquire", "fast_release")
KINDS = ("call", "jcc", "jmp", "load", "store", "rmw", "locked", "other")
SKIP = 77


class Instruction:
    def __init__(self, address, text):
        self.address = address
        self.text = text
        words = text.split()
        self.is_locked = words[0] == "lock"
        if words[0] in ("lock", "rep", "repz", "repnz", "bnd", "notrack", "data16", "cs"):
            words = words[1:] or ["nop"]
        self.name = words[0]
        self.operands = " ".join(words[1:]).split("#")[0].strip()
        self.leaves_section = False  # a relocation: it goes to a cold part or to another function

    @property
    def is_jump(self):
        return self.name.startswith("j")

    @property
    def is_padding(self):
        return self.name.startswith("nop") or (self.name, self.operands) == ("xchg", "%ax,%ax")

    @property
    def target(self):
        found = re.match(r"([0-9a-f]+)", self.operands)
        return int(found.group(1), 16) if found and not self.leaves_section else None

    @property
    def kind(self):
        if self.name.startswith("call"):
            return "call"
        if self.name in ("jmp", "jmpq"):
            return "call" if self.leaves_section or self.target is None else "jmp"
        if self.is_jump:
            return "jcc"
        parts = re.split(r",(?![^(]*\))", self.operands) if self.operands else []
        in_memory = ["(" in p or "%fs:" in p for p in parts]
        if self.name.startswith("push"):
            return "store"
        if self.name.startswith("pop"):
            return "load"
        if not any(in_memory) or self.name.startswith("lea") or self.is_padding:
            return "other"
        if self.is_locked or self.name.startswith("xchg"):
            return "locked"
        if not in_memory[-1] or self.name.startswith(("cmp", "test", "mul", "imul", "div", "bt", "prefetch")):
            return "load"
        return "store" if self.name.startswith(("mov", "vmov", "set")) else "rmw"


def disassemble(obj, function):
    text = subprocess.run(["objdump", "-dr", "--no-show-raw-insn", "-w", "-j", ".text." + function, obj], check=True, capture_output=True,
                          text=True).stdout
    found = []
    for line in text.splitlines():
        relocation = "R_X86_64_" in line
        match = re.match(r"\s*([0-9a-f]+):\s+(.*)", line)
        if not match:
            continue
        if re.match(r"\s*[0-9a-f]+:\s+R_X86_64_", line):
            if found and (found[-1].is_jump or found[-1].name.startswith("call")):
                found[-1].leaves_section = True
            continue
        instruction = Instruction(int(match.group(1), 16), match.group(2).split("\t")[0].strip())
        instruction.leaves_section = relocation and (instruction.is_jump or instruction.name.startswith("call"))
        found.append(instruction)
    while found and found[-1].is_padding:
        found.pop()
    if not found:
        sys.exit(f"{function} was not found in {obj}")
    return found


def fast_path(instructions):
    """The shortest way from the entry to a return without a call, or None."""
    index = {each.address: n for n, each in enumerate(instructions)}

    def ways(n):
        each = instructions[n]
        if each.kind == "call" or each.name.startswith(("ud", "hlt")):
            return
        if each.is_jump and each.target in index:
            yield index[each.target]
        if each.kind != "jmp" and n + 1 != len(instructions):
            yield n + 1

    came_from, frontier = {0: None}, [0]
    while frontier:
        following = []
        for n in frontier:
            if instructions[n].name.startswith("ret"):
                path = []
                while n is not None:
                    path.append(instructions[n])
                    n = came_from[n]
                return path[::-1]
            for way in ways(n):
                if way not in came_from:
                    came_from[way] = n
                    following.append(way)
        frontier = following
    return None


def measure(compiler):
    """The lines of the golden file, a listing of the paths, and what is wrong whatever the golden file says."""
    lines, listing, problems = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        obj = pathlib.Path(folder) / "fast_path.o"
        for level in LEVELS:
            subprocess.run([compiler, *FLAGS, level, "-I", ROOT / "include", "-c", HERE / "fast_path.cpp", "-o", obj], check=True)
            for function in FUNCTIONS:
                name = f"{level} {function}"
                instructions = disassemble(obj, function)
                path = fast_path(instructions)
                if path is None:
                    problems.append(f"{name}: no way from the entry to a return without a call")
                    path = []
                counts = {kind: sum(each.kind == kind for each in path) for kind in KINDS}
                lines.append(f"{name} path {len(path)}: " + " ".join(f"{kind} {counts[kind]}" for kind in KINDS))
                lines.append(f"{name} function {len(instructions)}")
                listing.append(f"{name}, path:")
                listing += [f"  {each.address:4x}  {each.kind:6}  {each.text}" for each in path]
                if counts["locked"]:
                    problems.append(f"{name}: {counts['locked']} locked on the fast path")
    return lines, listing, problems


def identify(compiler):
    """Which golden file is meant, and the line that says what it was made with."""
    def ask(option):
        return subprocess.run([compiler, option], check=True, capture_output=True, text=True).stdout

    family = "clang" if "clang" in ask("--version") else "gcc"
    version = ask("-dumpfullversion" if family == "gcc" else "-dumpversion").strip()
    return family, f"{family} {version} for {ask('-dumpmachine').split('-')[0].strip()}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--compiler", default="c++")
    arguments.add_argument("--update", action="store_true", help="write the golden file of this compiler")
    arguments.add_argument("--show", action="store_true", help="print the path")
    options = arguments.parse_args()

    family, made_with = identify(options.compiler)
    golden = HERE / f"fast_path.{family}.txt"
    if not options.update:
        if not golden.exists():
            print(f"error: {golden.name} is missing. To make it: tests/golden/fast_path.py --compiler {options.compiler} --update")
            return 1
        recorded = golden.read_text(encoding="utf-8").splitlines()
        if recorded[0] != made_with:
            print(f"skipped: {golden.name} was made with {recorded[0]}, this is {made_with}")
            return SKIP

    lines, listing, problems = measure(options.compiler)
    if options.show:
        print("\n".join(listing))
    print("\n".join([made_with, *lines]))
    for problem in problems:
        print("error:", problem)
    if problems:
        return 1
    if options.update:
        golden.write_text("\n".join([made_with, *lines]) + "\n", encoding="utf-8")
        print(f"written: {golden.name}")
    elif recorded[1:] != lines:
        print("\n".join(listing))
        print(f"error: the fast path is not what {golden.name} says:")
        print("\n".join(recorded))
        print(f"If that is meant, run: tests/golden/fast_path.py --compiler {options.compiler} --update")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
