# SPDX-License-Identifier: Apache-2.0
"""One sample: a process of its own, on processors that are idle if they can be, and whether others disturbed it."""

import json
import os
import signal
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")


def processor_time():
    """(seconds all processors were busy for anyone, steal included; seconds of steal)."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(word) for word in file.readline().split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / TICK, steal / TICK


def wait_for_idle(patience_s, allowed=0.1):
    """Returns once the processors are less busy than `allowed` of one of them, or when patience ends; says which."""
    deadline = time.monotonic() + patience_s
    while True:
        busy, _ = processor_time()
        start = time.monotonic()
        time.sleep(0.1)
        if (processor_time()[0] - busy) / (time.monotonic() - start) <= allowed:
            return True
        if time.monotonic() >= deadline:
            return False


def environment():
    """Ours, and what jemalloc needs to be opened late; the same for all peers."""
    wanted = "glibc.rtld.optional_static_tls=16384"
    given = os.environ.get("GLIBC_TUNABLES")
    return {**os.environ, "GLIBC_TUNABLES": f"{given}:{wanted}" if given else wanted}


def run_program(arguments, timeout_s=300):
    """(exit status, standard output, last line of standard error, its processor time). Negative status: a signal, or -SIGALRM: too long."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(arguments, stdout=output, stderr=errors, stdin=subprocess.DEVNULL, env=environment())
        deadline = time.monotonic() + timeout_s
        timed_out = False
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline and not timed_out:
                timed_out = True
                child.kill()
            time.sleep(0.005)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        complaint = errors.read().decode(errors="replace").strip().splitlines()
        code = -signal.SIGALRM if timed_out else child.returncode
        return code, output.read().decode(), complaint[-1] if complaint else "", usage.ru_utime + usage.ru_stime


def list_benchmarks(program):
    """Names "case/peer" of a program."""
    code, output, complaint, _ = run_program([program, "--benchmark_list_tests=true"])
    if code != 0:
        raise RuntimeError(f"{program}: {complaint}")
    return ["/".join(line.split("/")[:2]) for line in output.split()]


def take(program, name, seconds, patience_s):
    """One sample as a dictionary: its figures, or "absent" or "failed" with a reason; "disturbed" says why it should not be trusted."""
    was_idle = wait_for_idle(patience_s)
    busy, stolen = processor_time()
    start = time.monotonic()
    code, output, complaint, own = run_program(
        [program, f"--seconds={seconds}", f"--benchmark_filter=^{name}/", "--benchmark_format=json"])
    wall = time.monotonic() - start
    busy_after, stolen_after = processor_time()
    if code != 0:
        reason = "took too long" if code == -signal.SIGALRM else f"exit status {code}"
        return {"failed": f"{reason}: {complaint}"}
    try:
        measured = json.loads(output)["benchmarks"][0]
    except (ValueError, LookupError) as error:
        return {"failed": f"no figures: {error}"}
    if measured.get("error_occurred"):
        reason = measured.get("error_message", "")
        is_absent = "cannot open shared object" in reason or "built without" in reason or "static TLS" in reason
        return {"absent" if is_absent else "failed": reason}
    known = ("name", "family_index", "per_family_instance_index", "run_name", "run_type", "repetitions", "repetition_index", "threads",
             "iterations", "real_time", "cpu_time", "time_unit")
    sample = {"figures": {key: value for key, value in measured.items() if key not in known}}
    others = max(0.0, busy_after - busy - own)
    steal = stolen_after - stolen
    if steal > max(0.02, 0.02 * wall):
        sample["disturbed"] = f"{steal:.2f} s stolen of {wall:.2f} s"
    elif others > max(0.05, 0.05 * wall):
        sample["disturbed"] = f"others had {others:.2f} s of processor time in {wall:.2f} s"
    elif not was_idle:
        sample["note"] = "processors were not idle before"
    return sample
