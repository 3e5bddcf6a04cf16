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


def median_of(peers, peer):
    return peers[peer]["figures"]["ns"]["median"] if peer in peers and "figures" in peers[peer] else None


def fastest(peers, is_wanted):
    return min(((median_of(peers, peer), peer) for peer in peers if is_wanted(peer) and median_of(peers, peer) is not None),
               default=(None, "-"))


def compare(results):
    """One line per case: ours against the best peer, glibc and the bound; and who is faster than we are."""
    lines = []
    for case, peers in results.items():
        ours = median_of(peers, "polder")
        if ours is None:
            continue
        best, best_name = fastest(peers, lambda peer: targets.is_rival(case, peer))
        bound, bound_name = fastest(peers, targets.is_bound)
        glibc = median_of(peers, "glibc") or median_of(peers, "shared_glibc")
        faster = {peer: ours / value for peer in peers
                  if targets.is_rival(case, peer) and (value := median_of(peers, peer)) is not None and value < ours}
        own = peers["polder"]["figures"]["ns"]
        lines.append({
            "case": case, "clean": bool(peers["polder"]["clean"]), "ns": ours, "min": own["min"], "max": own["max"],
            "best_peer": best_name, "best_peer_ns": best, "ratio_to_best_peer": ours / best if best else None,
            "glibc_ns": glibc, "ratio_to_glibc": ours / glibc if glibc else None,
            "bound": bound_name, "bound_ns": bound, "loses_to": dict(sorted(faster.items(), key=lambda item: -item[1]))
        })
    return lines


def comparison_table(lines):
    rows = [["case", "best peer", "polder ns", "min..max", "best peer ns", "glibc ns", "bound ns", "x best peer", "x glibc"]]
    for line in lines:
        rows.append([
            line["case"], line["best_peer"], ("" if line["clean"] else "~") + number(line["ns"]),
            f"{number(line['min'])}..{number(line['max'])}",
            *(number(line[key]) for key in ("best_peer_ns", "glibc_ns", "bound_ns")),
            ratio(line["ns"], line["best_peer_ns"]), ratio(line["ns"], line["glibc_ns"])
        ])
    shown = ["polder against the best peer that does the same work", *table(rows)]
    losing = [line for line in lines if line["loses_to"]]
    shown += ["", "where polder loses" if losing else "polder is the fastest everywhere"]
    for line in losing:
        shown.append(f"  {line['case']}: to " + ", ".join(f"{peer} by {part:.2f} x" for peer, part in line["loses_to"].items()))
    return shown


def target_table(lines):
    if not lines:
        return []
    rows = [["case", "target", "reached", "against", "", "remark"]]
    for line in lines:
        verdict = ("" if line["sure"] else "~") + ("met" if line["met"] else "MISSED")
        remark = "-"
        if "limit_by_yardstick" in line:
            remark = f"yardstick {number(line['limit_by_yardstick'])} {line['unit']}: {'met' if line['met_by_yardstick'] else 'missed'}"
        elif "bound_reaches" in line:
            remark = f"the bound: {number(line['bound_reaches'])} x"
        rows.append([line["case"], line["target"], f"{number(line['value'])} {line['unit']}", line["against"] or "-", verdict, remark])
    missed = sum(not line["met"] for line in lines)
    return ["targets", *table(rows), f"  {len(lines) - missed} met, {missed} missed"]


def everything(card, settings, results):
    """All there is to write down, for programs."""
    median = medians(results)

    def is_clean(case, peer):
        return bool(results.get(case, {}).get(peer, {}).get("clean"))

    judge = targets.Judge(median, is_clean)
    return {"machine": card, "settings": settings, "yardstick": judge.scale, "comparison": compare(results), "targets": judge.judge(),
            "cases": results}


def text(all_of_it):
    """The same for people."""
    card, settings, results = all_of_it["machine"], all_of_it["settings"], all_of_it["cases"]
    lines = [f"{key}: {', '.join(f'{name} {what}' for name, what in value.items()) if isinstance(value, dict) else value}"
             for key, value in card.items()]
    counted = [one for of_case in results.values() for one in of_case.values() if "figures" in one]
    lines.append(f"samples: {settings['rounds']} rounds of {settings['seconds']:g} s, interleaved; medians of the undisturbed ones, "
                 f"{sum(one['clean'] for one in counted)} of {sum(one['all'] for one in counted)}; ~ there was none, do not trust")
    if all_of_it["yardstick"]:
        lines.append(f"yardstick: a bare thread-local stack takes {all_of_it['yardstick']:.2f} x "
                     "the time it took where the targets were set")
    for case, of_case in results.items():
        lines += ["", *case_table(case, of_case)]
    for part in (comparison_table(all_of_it["comparison"]), target_table(all_of_it["targets"])):
        lines += ["", *part]
    return "\n".join(lines) + "\n"


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
        "polder": revision(root),
        **card,
    }
