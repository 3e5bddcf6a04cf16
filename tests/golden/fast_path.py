#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the instructions of the fast path and compares them with a golden file.

fast_path.cpp is compiled with fixed release flags and disassembled. For each of its two functions:

  path      the instructions from the entry to a return: straight on wherever that leads to a return without a call and without
            passing an instruction twice, else the branch taken. That is the way of an acquisition that finds its slot on top of the
            stack, and of a release that puts it there. Kinds: call, jcc (conditional jump), jmp, load, store, rmw (memory read and
            written by one instruction), locked (rmw with a lock prefix, or xchg with memory), other.
  function  all instructions of the function's own section; cold parts and the abort handlers of the sequences are elsewhere.

Two things hold whatever the golden file says: no call and nothing locked on either path.

    fast_path.py --compiler g++ [--update]
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FLAGS = ["-std=c++20", "-O2", "-g0", "-DNDEBUG", "-DPOLDER_CHECKED=0", "-march=x86-64", "-mtune=generic", "-fPIE", "-ffunction-sections",
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
    """The first way to a return in the order described above, or None."""
    index = {each.address: n for n, each in enumerate(instructions)}
    # Iterative depth-first search; a frame is [instruction, choices left].
    frames, on_path = [], set()

    def choices(n):
        each = instructions[n]
        if each.kind == "call" or each.name.startswith(("ud", "hlt")):
            return []
        ways = [] if each.kind == "jmp" else [n + 1]
        if each.is_jump and each.target in index:
            ways.append(index[each.target])
        return [w for w in ways if w < len(instructions)]

    def enter(n):
        frames.append([n, choices(n)])
        on_path.add(n)

    enter(0)
    while frames:
        n, left = frames[-1]
        if instructions[n].name.startswith("ret"):
            return [instructions[each] for each, _ in frames]
        if left:
            following = left.pop(0)
            if following not in on_path:
                enter(following)
        else:
            on_path.discard(n)
            frames.pop()
    return None


def measure(compiler):
    with tempfile.TemporaryDirectory() as folder:
        obj = pathlib.Path(folder) / "fast_path.o"
        subprocess.run([compiler, *FLAGS, "-I", ROOT / "include", "-c", HERE / "fast_path.cpp", "-o", obj], check=True)
        lines, listing, problems = [], [], []
        for function in FUNCTIONS:
            instructions = disassemble(obj, function)
            path = fast_path(instructions)
            if path is None:
                problems.append(f"{function}: no way from the entry to a return without a call")
                path = []
            counts = {kind: sum(each.kind == kind for each in path) for kind in KINDS}
            lines.append(f"{function} path {len(path)}: " + " ".join(f"{kind} {counts[kind]}" for kind in KINDS))
            lines.append(f"{function} function {len(instructions)}")
            listing.append(f"{function}, path:")
            listing += [f"  {each.address:4x}  {each.kind:6}  {each.text}" for each in path]
            for kind in ("call", "locked"):
                if counts[kind]:
                    problems.append(f"{function}: {counts[kind]} × {kind} on the fast path")
    return lines, listing, problems


def compiler_name(compiler):
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True).stdout
    number = subprocess.run([compiler, "-dumpversion"], check=True, capture_output=True, text=True).stdout.split(".")[0].strip()
    machine = subprocess.run([compiler, "-dumpmachine"], check=True, capture_output=True, text=True).stdout
    if not machine.startswith("x86_64"):
        print(f"skipped: the sequences are written for x86-64, {compiler} makes code for {machine.strip()}")
        sys.exit(SKIP)
    return ("clang" if "clang" in version else "gcc") + number


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--compiler", default="c++")
    arguments.add_argument("--update", action="store_true", help="write the golden file of this compiler")
    arguments.add_argument("--show", action="store_true", help="print the path")
    options = arguments.parse_args()

    name = compiler_name(options.compiler)
    golden = HERE / f"fast_path.{name}.golden"
    lines, listing, problems = measure(options.compiler)
    if options.show:
        print("\n".join(listing))
    for problem in problems:
        print("error:", problem)
    if problems and not options.show:
        print("\n".join(listing))
    if options.update and not problems:
        golden.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"written: {golden.name}")
    print("\n".join(lines))
    if problems:
        return 1
    if not golden.exists():
        print(f"skipped: no golden file for {name}; no call and nothing locked on the path, as it must be")
        return SKIP
    wanted = golden.read_text(encoding="utf-8").splitlines()
    if wanted != lines:
        print("\n".join(listing))
        print(f"error: the fast path differs from {golden.name}, which says:")
        print("\n".join(wanted))
        print(f"If that is meant, run: tests/golden/fast_path.py --compiler {options.compiler} --update")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
