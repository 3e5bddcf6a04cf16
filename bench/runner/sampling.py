# SPDX-License-Identifier: Apache-2.0
"""One sample: a process of its own, on processors that are idle if they can be, and whether others disturbed it."""

import json
import os
import signal
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
RERUNS = 2


class Patience:
    """Seconds that may still be spent on making samples better."""

    def __init__(self, seconds):
        self.left = seconds

    def spend(self, seconds):
        self.left -= seconds


def processor_time():
    """(seconds all processors were busy for anyone, steal included; seconds of steal)."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(word) for word in file.readline().split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / TICK, steal / TICK


def wait_for_idle(patience, at_most=5.0, allowed=0.1):
    """Returns once the processors are less busy than `allowed` of one of them, or when patience ends."""
    start = time.monotonic()
    while time.monotonic() - start < min(patience.left, at_most):
        busy, _ = processor_time()
        since = time.monotonic()
        time.sleep(0.1)
        if (processor_time()[0] - busy) / (time.monotonic() - since) <= allowed:
            break
    patience.spend(time.monotonic() - start)


def environment():
    """Ours, and what jemalloc needs to be opened late; the same for all peers."""
    wanted = "glibc.rtld.optional_static_tls=16384"
    given = os.environ.get("GLIBC_TUNABLES")
    return {**os.environ, "GLIBC_TUNABLES": f"{given}:{wanted}" if given else wanted}


def run_program(arguments, timeout_s=120):
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
        complaint = errors.read().decode(errors="replace").replace(arguments[0], os.path.basename(arguments[0])).strip().splitlines()
        code = -signal.SIGALRM if timed_out else child.returncode
        return code, output.read().decode(), complaint[-1] if complaint else "", usage.ru_utime + usage.ru_stime


def list_benchmarks(program):
    """Names "case/peer" of a program."""
    code, output, complaint, _ = run_program([program, "--benchmark_list_tests=true"])
    if code != 0:
        raise RuntimeError(f"{os.path.basename(program)}: {complaint}")
    return ["/".join(line.split("/")[:2]) for line in output.split()]


def take(program, name, seconds):
    """One sample as a dictionary: its figures, or "absent" or "failed" with a reason; "disturbed" says why it should not be trusted."""
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
    # /proc/stat counts in ticks: less than three of them says nothing.
    others = max(0.0, busy_after - busy - own)
    steal = stolen_after - stolen
    if steal > max(2.5 / TICK, 0.02 * wall):
        sample["disturbed"] = f"{steal:.2f} s stolen of {wall:.2f} s"
    elif others > max(5 / TICK, 0.05 * wall):
        sample["disturbed"] = f"others had {others:.2f} s of processor time in {wall:.2f} s"
    return sample


def take_patiently(program, name, seconds, patience):
    """The same, on idle processors and undisturbed if patience allows."""
    wait_for_idle(patience)
    sample = take(program, name, seconds)
    for _ in range(RERUNS):
        if "disturbed" not in sample or patience.left <= 0:
            break
        start = time.monotonic()
        sample = take(program, name, seconds)
        patience.spend(time.monotonic() - start)
    return sample
