# SPDX-License-Identifier: Apache-2.0
"""Tables for people, and the machine card."""

import os
import platform
import shutil
import statistics
import subprocess

from runner import targets


def number(value):
    if value is None:
        return "-"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e6:
        return f"{value / 1e6:.3g} M"
    if size >= 1e4:
        return f"{value / 1e3:.3g} k"
    if size >= 100:
        return f"{value:.0f}"
    if size >= 0.01:
        return f"{value:.3g}"
    return f"{value:.1e}"


def ratio(value, base):
    return f"{value / base:.2f}" if value is not None and base else "-"


def summarize(samples):
    """All samples of one (case, peer) to medians and ranges, of the clean ones where there are any."""
    good = [one for one in samples if "figures" in one]
    clean = [one for one in good if "disturbed" not in one]
    used = clean or good
    if not used:
        reasons = {key: one[key] for one in samples for key in ("absent", "failed") if key in one}
        return {"samples": samples, **reasons}
    figures = {}
    for key in used[0]["figures"]:
        values = [one["figures"][key] for one in used if key in one["figures"]]
        figures[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    failed = [one["failed"] for one in samples if "failed" in one]
    return {"figures": figures, "clean": len(clean), "all": len(good), "samples": samples, **({"failed": failed[-1]} if failed else {})}


def medians(results):
    def median(case, peer, key):
        try:
            return results[case][peer]["figures"][key]["median"]
        except KeyError:
            return None

    return median


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1])] + [cell.rjust(width) for cell, width in zip(row[2:], widths[2:])]
        lines.append("  " + "  ".join(cells).rstrip())
    return lines


def case_table(case, peers):
    """One case, fastest first. A ~ marks medians that had to use disturbed samples."""
    title, columns = targets.CASES.get(case, (case, ()))
    measured = {peer: one["figures"] for peer, one in peers.items() if "figures" in one}
    rivals = [figures["ns"]["median"] for peer, figures in measured.items() if targets.is_rival(case, peer)]
    best = min(rivals, default=None)
    baseline = measured.get("glibc", measured.get("shared_glibc"))
    glibc = baseline["ns"]["median"] if baseline else None
    rows = [["peer", "kind", "median", "min..max", "x best peer", "x glibc", *columns]]
    for peer, figures in sorted(measured.items(), key=lambda item: item[1]["ns"]["median"]):
        own = figures["ns"]
        mark = "" if peers[peer]["clean"] else "~"
        rows.append([
            peer, targets.kind_of(peer), mark + number(own["median"]), f"{number(own['min'])}..{number(own['max'])}",
            ratio(own["median"], best), ratio(own["median"], glibc),
            *(number(figures[key]["median"]) if key in figures else "-" for key in columns)
        ])
    lines = [f"{case}: {title}", *table(rows)]
    for peer, one in peers.items():
        if "failed" in one:
            lines.append(f"  {peer} FAILED: {one['failed']}")
    absent = [peer for peer, one in peers.items() if "absent" in one]
    if absent:
        lines.append(f"  not on this machine: {', '.join(absent)}")
    return lines


def target_table(lines):
    if not lines:
        return []
    rows = [["case", "target", "reached", "against", ""]]
    for line in lines:
        rows.append([line["case"], line["target"], f"{number(line['value'])} {line['unit']}", line["note"], "met" if line["met"] else "MISSED"])
    missed = sum(not line["met"] for line in lines)
    return ["targets", *table(rows), f"  {len(lines) - missed} met, {missed} missed"]


def first_match(path, key):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(key):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def revision(root):
    if shutil.which("git") is None:
        return "unknown"
    run = lambda *words: subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=False).stdout.strip()
    changed = " and changes" if run("status", "--porcelain", "--untracked-files=no") else ""
    return (run("rev-parse", "--short=12", "HEAD") or "unknown") + changed


def machine(root, card):
    return {
        "processor": first_match("/proc/cpuinfo", "model name"),
        "processors": len(os.sched_getaffinity(0)),
        "memory": first_match("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "libc": os.confstr("CS_GNU_LIBC_VERSION") or "unknown",
        "compiler": card.get("compiler", "unknown"),
        "polder": revision(root),
        "per-CPU caches": card.get("polder_caches", "unknown"),
    }
