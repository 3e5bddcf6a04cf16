# SPDX-License-Identifier: Apache-2.0
"""Tries bench/run on samples far too short to mean anything, and its judgement on figures made up. Usage: runner_test.py BUILD_DIR"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from runner import report, sampling, targets  # noqa: E402

BUILD = sys.argv.pop() if len(sys.argv) > 1 else ""


def figures(ns, **more):
    return {"figures": {"ns": float(ns), "faults": 0.0, **more}}


class Run(unittest.TestCase):
    def run_bench(self, folder, *words):
        command = [sys.executable, HERE.parent / "run", "--no-build", "--build-dir", BUILD, "--quick", "--repeat", "2", "--seconds",
                   "0.002", "--json", folder / "r.json", "--out", folder / "r.txt", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def test_writes_table_and_json(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            done = self.run_bench(folder, "--only", "w1,w5_2k_touched,w12", "--peers", "polder,glibc,limit_*,shared_glibc")
            self.assertEqual(done.returncode, 0, done.stderr)
            found = json.loads((folder / "r.json").read_text(encoding="utf-8"))
            self.assertEqual(done.stdout, (folder / "r.txt").read_text(encoding="utf-8"))
        self.assertEqual(set(found["cases"]), {"w1", "w5_2k_touched", "w12"})
        for case, peers in found["cases"].items():
            for peer, one in peers.items():
                ns = one["figures"]["ns"]
                self.assertGreater(ns["min"], 0, f"{case}/{peer}")
                self.assertTrue(ns["min"] <= ns["median"] <= ns["max"], f"{case}/{peer}")
                self.assertEqual(len(one["samples"]), 2)
        self.assertEqual({line["case"] for line in found["comparison"]}, set(found["cases"]))
        self.assertEqual({line["case"] for line in found["targets"]}, set(found["cases"]))
        self.assertGreater(found["yardstick"], 0)
        for key in ("processor", "processors", "kernel", "compiler", "peers"):
            self.assertTrue(found["machine"][key])
        for line in found["targets"]:
            self.assertIn(line["target"], done.stdout)

    def test_refuses_names_that_do_not_exist(self):
        with tempfile.TemporaryDirectory() as name:
            done = self.run_bench(pathlib.Path(name), "--only", "w99")
            self.assertEqual(done.returncode, 2)
            self.assertIn("nothing to measure", done.stderr)
            self.assertEqual(list(pathlib.Path(name).iterdir()), [])


class Judgement(unittest.TestCase):
    def judge(self, cases):
        results = {case: {peer: report.summarize([sample]) for peer, sample in peers.items()} for case, peers in cases.items()}
        return report.everything({}, {"rounds": 1, "seconds": 1}, results)

    def verdicts(self, cases):
        return {(line["case"], line["target"]): line["met"] for line in self.judge(cases)["targets"]}

    def test_the_best_thread_safe_peer_counts(self):
        w1 = {"polder": figures(3.0), "tcmalloc": figures(3.4), "glibc": figures(37), "boost_pool": figures(0.6)}
        met = self.verdicts({"w1": w1})
        self.assertTrue(met["w1", "<= 3.1 ns"])
        self.assertTrue(met["w1", "<= 0.9 x the best thread-safe peer"])
        w1["jemalloc"] = figures(3.1)
        self.assertFalse(self.verdicts({"w1": w1})["w1", "<= 0.9 x the best thread-safe peer"])

    def test_says_where_polder_loses(self):
        w2 = {"polder": figures(30), "glibc": figures(20), "tcmalloc": figures(60), "limit_tls_stack": figures(2)}
        all_of_it = self.judge({"w2": w2})
        self.assertEqual(all_of_it["comparison"][0]["loses_to"], {"glibc": 1.5})
        text = report.text({**all_of_it, "machine": {"processor": "x"}})
        self.assertIn("where polder loses", text)
        self.assertIn("w2: to glibc by 1.50 x", text)
        self.assertIn("MISSED", text)

    def test_yardstick_scales_nanoseconds_only(self):
        _case, peer, reference = targets.YARDSTICK
        lines = self.judge({"w1": {"polder": figures(6), "glibc": figures(60), peer: figures(2 * reference)}})["targets"]
        by_name = {line["target"]: line for line in lines}
        self.assertFalse(by_name["<= 3.1 ns"]["met"])
        self.assertTrue(by_name["<= 3.1 ns"]["met_by_yardstick"])
        self.assertNotIn("met_by_yardstick", by_name["<= 0.9 x the best thread-safe peer"])

    def test_the_bound_is_shown_beside_the_target(self):
        w7 = {"polder": figures(110), "glibc": figures(800), "limit_tls_stack": figures(100)}
        by_name = {line["target"]: line for line in self.judge({"w7b": w7})["targets"]}
        self.assertAlmostEqual(by_name[">= 20 x faster than glibc"]["value"], 800 / 110)
        self.assertAlmostEqual(by_name[">= 20 x faster than glibc"]["bound_reaches"], 8)
        self.assertNotIn("bound_reaches", by_name["level with a thread-local stack (5 %)"])

    def test_throughput_that_falls_is_a_miss(self):
        name = "total throughput does not fall (5 % for noise)"
        cases = {"w4_1": {"polder": figures(100)}, "w4_2": {"polder": figures(104)}, "w4_8": {"polder": figures(120)}}
        met = self.verdicts(cases)
        self.assertTrue(met["w4_2", name])
        self.assertFalse(met["w4_8", name])

    def test_no_target_without_a_figure(self):
        self.assertEqual(self.judge({"w1": {"glibc": figures(37)}})["targets"], [])

    def test_clean_samples_are_preferred(self):
        samples = [figures(1), {**figures(9), "disturbed": "others"}, figures(3), {"failed": "exit status 1"}]
        one = report.summarize(samples)
        self.assertEqual(one["figures"]["ns"], {"median": 2.0, "min": 1.0, "max": 3.0})
        self.assertEqual((one["clean"], one["all"]), (2, 3))
        self.assertEqual(one["failed"], "exit status 1")
        disturbed = self.judge({"w1": {"polder": {**figures(2), "disturbed": "others"}, "glibc": figures(37)}})
        self.assertFalse(disturbed["targets"][0]["sure"])

    def test_absent_peers_are_named(self):
        results = {"w1": {"polder": report.summarize([figures(2)]), "jemalloc": report.summarize([{"absent": "cannot open"}])}}
        self.assertIn("not on this machine: jemalloc", report.text(report.everything({}, {"rounds": 1, "seconds": 1}, results)))


class Sampling(unittest.TestCase):
    def test_a_program_that_fails_is_reported(self):
        sample = sampling.take("/bin/false", "w1/polder", 0.01)
        self.assertIn("exit status 1", sample["failed"])

    def test_a_program_that_hangs_is_ended(self):
        code, _, _, _ = sampling.run_program(["sleep", "60"], timeout_s=0.1)
        self.assertLess(code, 0)

    def test_patience_ends(self):
        patience = sampling.Patience(0.3)
        sampling.wait_for_idle(patience, allowed=-1)
        self.assertLessEqual(patience.left, 0)


if __name__ == "__main__":
    unittest.main()
