#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the `polder` command as a user does.

    tools_test.py PATH_OF_POLDER [CLASS]     for example  tools_test.py build/dev/tools/polder json
"""
import json as json_module
import os
import pty
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

POLDER = sys.argv[1] if len(sys.argv) > 1 else "polder"
OK, NOT_SHOWN, USAGE = 0, 1, 2
WIDTH_MAX = 100
ESCAPE = "\x1b"


def environment(**changes):
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "POLDER_TRY_FAULT")}
    return {**clean, "TERM": "xterm", **changes}


def polder(*arguments, env=None, **options):
    options = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, "timeout": 240, **options}
    run = subprocess.run([POLDER, *arguments], stderr=subprocess.PIPE, env=env or environment(), **options)
    run.out = (run.stdout or b"").decode("utf-8", "strict")
    run.err = run.stderr.decode("utf-8", "replace")
    return run


def quick_json(*arguments, env=None):
    run = polder("try", "--quick", "--json", *arguments, env=env)
    return run, json_module.loads(run.out)


class Case(unittest.TestCase):
    def assert_exit(self, run, code):
        self.assertEqual(run.returncode, code, f"standard output:\n{run.out}\nstandard error:\n{run.err}")

    def assert_refused(self, run, *words):
        """Exit code 2, nothing on standard output, one short message that holds these words."""
        self.assert_exit(run, USAGE)
        self.assertEqual(run.out, "")
        self.assertLessEqual(len(run.err.splitlines()), 2)
        for word in words:
            self.assertIn(word, run.err)

    def assert_narrow(self, text):
        for line in text.splitlines():
            self.assertLessEqual(len(line), WIDTH_MAX, line)


class command_line(Case):
    def test_help_is_worth_reading(self):
        general = polder("--help")
        self.assert_exit(general, OK)
        self.assertIn("try", general.out)
        of_try = polder("try", "--help")
        self.assert_exit(of_try, OK)
        for word in ("FILE", "--quick", "--json", "Exit codes", "Examples", "NO_COLOR"):
            self.assertIn(word, of_try.out)
        self.assert_narrow(general.out + of_try.out)

    def test_what_is_wrong_is_named(self):
        self.assert_refused(polder(), "subcommand")
        self.assert_refused(polder("tyr"), "tyr")
        self.assert_refused(polder("try", "--fast"), "--fast", "--help")
        self.assert_refused(polder("try", "--quick=maybe"), "maybe")
        self.assert_refused(polder("try", "one", "two"), "two")
        self.assert_refused(polder("try", ""), "FILE")

    def test_unknown_fault(self):
        self.assert_refused(polder("try", "--quick", env=environment(POLDER_TRY_FAULT="earthquake")), "earthquake", "flip_byte")


class bad_file(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)

    def make(self, name, content=b""):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_missing(self):
        self.assert_refused(polder("try", self.folder + "/absent"), "/absent", "No such file")

    def test_directory(self):
        self.assert_refused(polder("try", self.folder), self.folder, "directory")

    def test_empty(self):
        self.assert_refused(polder("try", self.make("empty")), "empty")

    def test_devices_and_pipes(self):
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        for path in ("/dev/zero", "/dev/null", fifo):
            self.assert_refused(polder("try", path), path, "not a regular file")

    def test_unreadable(self):
        path = self.make("secret", b"text\n" * 100)
        os.chmod(path, 0)
        options = {}
        if os.geteuid() == 0:  # root reads everything: be somebody else
            options = {"preexec_fn": lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534))}
        try:
            run = polder("try", path, **options)
        except (PermissionError, subprocess.SubprocessError):
            self.skipTest("another user cannot run the command where it lies")
        self.assert_refused(run, path, "Permission denied")

    def test_full_standard_output(self):
        with open("/dev/full", "wb") as full:
            run = polder("try", "--quick", "--json", stdout=full)
        self.assert_exit(run, NOT_SHOWN)
        self.assertIn("standard output", run.err)


class tiny_and_huge(Case):
    def test_one_byte(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x")
            file.flush()
            run, report = quick_json(file.name)
        self.assert_exit(run, OK)
        self.assertEqual(report["pipeline"]["file_bytes"], 1)
        self.assertTrue(report["pipeline"]["same_bytes"])

    def test_huge_with_an_odd_name(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(os.fsencode(folder), b"odd \xff\n name")
            with open(path, "wb") as file:
                file.write(b"a line\n" * 1000)
                file.truncate(1 << 40)
            run, report = quick_json(path)
        self.assert_exit(run, OK)
        self.assertEqual(report["pipeline"]["file_bytes"], 1 << 40)
        self.assertEqual(report["pipeline"]["pass_bytes"], 64 << 20)
        self.assertTrue(report["pipeline"]["same_bytes"])


class text(Case):
    def test_a_person_reads_it(self):
        run = polder("try", "--quick")
        self.assert_exit(run, OK)
        self.assert_narrow(run.out)
        self.assertEqual(run.err, "")
        self.assertNotIn(ESCAPE, run.out)
        for word in ("malloc", "polder", "throughput", "p50", "p99", "max", "page faults", "peak memory", "copies",
                     "Same thread", "Hand-off", "Bursts", "double_release", "Biggest holders", "In short"):
            self.assertIn(word, run.out)
        self.assertNotIn("BROKEN", run.out)
        self.assertEqual([line for line in run.out.splitlines() if line != line.rstrip()], [], "spaces at the end of a line")

    def first_bytes_on_a_terminal(self, **changes):
        """What the command writes to a terminal first; then it is interrupted."""
        master, slave = pty.openpty()
        process = subprocess.Popen([POLDER, "try", "--quick"], stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL,
                                   env=environment(**changes))
        os.close(slave)
        try:
            return os.read(master, 4096).decode()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
            os.close(master)

    def test_colour_is_for_terminals(self):
        self.assertIn(ESCAPE, self.first_bytes_on_a_terminal())
        self.assertNotIn(ESCAPE, self.first_bytes_on_a_terminal(NO_COLOR="1"))
        self.assertNotIn(ESCAPE, self.first_bytes_on_a_terminal(TERM="dumb"))


class json(Case):
    @classmethod
    def setUpClass(cls):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        cls.run_, cls.report = quick_json()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cls.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def test_outcome(self):
        self.assert_exit(self.run_, OK)
        self.assertEqual(self.run_.err, "")
        self.assertEqual((self.report["tool"], self.report["format"]), ("polder try", 1))
        self.assertTrue(self.report["quick"])
        self.assertTrue(self.report["ok"])
        self.assertNotIn("fault_made", self.report)
        self.assertEqual([each["name"] for each in self.report["promises"] if not each["judged"] or not each["kept"]], [])
        self.assertGreaterEqual(len(self.report["promises"]), 6)

    def test_quick_is_quick(self):
        # Processor time, so that a busy machine does not matter: two of them for eight seconds.
        self.assertLess(self.cpu_seconds, 16)

    def test_machine(self):
        machine = self.report["machine"]
        self.assertGreaterEqual(machine["cpus"], 1)
        self.assertGreater(machine["memory_bytes"], 1 << 20)
        self.assertGreater(machine["clock_ns"], 0)
        for name in ("cpu", "kernel", "libc", "compiler", "per_cpu_caches"):
            self.assertTrue(machine[name], name)

    def test_pipeline(self):
        scene = self.report["pipeline"]
        self.assertTrue(scene["ran"])
        self.assertTrue(scene["same_bytes"])
        self.assertTrue(scene["all_came_home"])
        expected = scene["passes"] * scene["pass_bytes"]
        self.assertGreater(expected, 0)
        self.assertGreater(scene["throughput_factor"], 0)
        for kind in ("malloc", "polder"):
            runs = scene[kind]["runs"]
            self.assertGreaterEqual(len(runs), 3)
            for run in [*runs, scene[kind]["median"]]:
                self.assertEqual((run["bytes_sent"], run["bytes_received"], run["passes_wrong"]), (expected, expected, 0))
                self.assertGreater(run["bytes_per_second"], 0)
                self.assertGreater(run["rss_peak_bytes"], 1 << 20)
                self.assertGreaterEqual(run["buffers"], run["messages"])
                for operation in ("get", "cut", "give_back"):
                    times = run[operation]
                    self.assertLessEqual(times["p50_ns"], times["p99_ns"])
                    self.assertLessEqual(times["p99_ns"], times["max_ns"])
                for name in ("page_faults_warming_up", "page_faults_once_warm", "copies", "copied_bytes", "cpu_seconds"):
                    self.assertGreaterEqual(run[name], 0)
        for run in scene["polder"]["runs"]:
            books = run["books"]
            self.assertEqual((books["acquisitions"], books["releases"]), (run["buffers"], run["buffers"]))
            self.assertEqual((books["buffers_in_use"], books["in_use_bytes"]), (0, 0))
            self.assertEqual(run["copies"], 0)
        self.assertGreater(scene["malloc"]["median"]["copies"], 0)

    def test_table(self):
        table = self.report["table"]
        cells = table["cells"]
        patterns = {cell["pattern"] for cell in cells}
        self.assertEqual(len(patterns), 3)
        self.assertEqual(len({(cell["pattern"], cell["size_bytes"]) for cell in cells}), len(cells))
        for cell in cells:
            self.assertIn(cell["verdict"], ("pool pays", "no difference", "malloc is faster", "runs disagree", "not run"))
            if cell["verdict"] == "not run":
                self.assertTrue(cell["why_not"])
                continue
            self.assertGreater(cell["malloc_ns"], 0)
            self.assertGreater(cell["polder_ns"], 0)
            self.assertAlmostEqual(cell["factor"], cell["malloc_ns"] / cell["polder_ns"], delta=0.01 * cell["factor"])
            self.assertGreaterEqual(len(cell["polder_runs_ns"]), 3)
            limit = table["factor_that_counts"]
            if cell["verdict"] == "pool pays":
                self.assertGreaterEqual(cell["factor"], limit)
            if cell["verdict"] == "malloc is faster":
                self.assertLessEqual(cell["factor"], 1 / limit)
            if cell["verdict"] == "no difference":
                self.assertTrue(1 / limit < cell["factor"] < limit, cell)
        self.assertGreaterEqual(len(table["sentences"]), 3)

    def test_misuse(self):
        misuse = self.report["misuse"]
        self.assertTrue(misuse["double_release"]["caught"])
        self.assertIn("orders", misuse["double_release"]["report"])
        self.assertTrue(misuse["exhausted"]["caught"])
        self.assertIn("committed_bytes_max", misuse["exhausted"]["report"])


class faults(Case):
    """What is broken on purpose is noticed, and nothing else is blamed."""

    def assert_blames(self, fault, *names):
        run, report = quick_json(env=environment(POLDER_TRY_FAULT=fault))
        self.assert_exit(run, NOT_SHOWN)
        self.assertFalse(report["ok"])
        self.assertEqual(report["fault_made"], fault)
        self.assertEqual([each["name"] for each in report["promises"] if not each["kept"]], list(names))

    def test_a_changed_byte(self):
        self.assert_blames("flip_byte", "pipeline.same_bytes")

    def test_a_buffer_that_is_kept(self):
        self.assert_blames("keep_buffer", "pipeline.came_home")

    def test_page_faults(self):
        self.assert_blames("page_faults", "table.page_faults")

    def test_a_silent_library(self):
        self.assert_blames("silent_misuse", "misuse.double_release", "misuse.exhausted")

    def test_the_text_says_so(self):
        run = polder("try", "--quick", env=environment(POLDER_TRY_FAULT="flip_byte"))
        self.assert_exit(run, NOT_SHOWN)
        self.assertIn("BROKEN", run.out)
        self.assertIn("flip_byte", run.out)
        self.assert_narrow(run.out)


class interrupt(Case):
    def test_ctrl_c_ends_it_and_its_children(self):
        process = subprocess.Popen([POLDER, "try", "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment(), start_new_session=True)
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)  # returns when nobody holds the pipes any more
        self.assertEqual(process.returncode, -signal.SIGINT)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)
        self.fail("a child outlived the command")


if __name__ == "__main__":
    del sys.argv[1:2]
    unittest.main(verbosity=2)
