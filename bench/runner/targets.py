# SPDX-License-Identifier: Apache-2.0
"""What the cases are called, who is who among the peers, and what polder has to reach."""

GENERAL = ("glibc", "mimalloc", "mimalloc_keep", "jemalloc", "jemalloc_sized", "tcmalloc", "tbb")
SAFE_POOLS = ("pmr_sync", "boost_singleton_pool")
ONE_THREAD_POOLS = ("pmr_unsync", "boost_pool")
PMR = ("pmr_sync", "pmr_unsync")
# Of the case of private pools: the peers that have some, and the common heap instead of a pool.
PRIVATE_POOLS = ("pmr_sync", "pmr_unsync", "mimalloc_heap", "boost_pool")

KINDS = {
    **{name: "general" for name in GENERAL},
    **{name: "pool" for name in SAFE_POOLS},
    **{name: "one thread" for name in ONE_THREAD_POOLS},
    "mimalloc_heap": "pool",
    "limit_tls_stack": "limit",
    "limit_return_ring": "limit",
    "polder": "polder",
    "polder_raw": "polder",
    "polder_fallback": "polder",
}

THREADS = (1, 2, 4, 8, 16, 32)
SET_COLUMNS = ("faults", "rss_per_live", "live_mb", "peak_mb", "released_mb", "trimmed_mb", "trimmed_lazy_mb")

# case -> (title, extra columns)
CASES = {
    "w1": ("2 KiB, one thread, acquire + release; CPU ns", ("faults",)),
    "w1d": ("2 KiB, one thread, 32 acquired, 32 released; CPU ns per buffer", ("faults",)),
    "w2": ("one of random size 1 B ... 4 MiB, untouched; CPU ns", ("faults",)),
    "w2x": ("one of random size 1 B ... 8 MiB, untouched; CPU ns", ("faults",)),
    "w3": ("256 live, log-uniform 64 B ... 4 MiB, one replaced, first byte of each page written; CPU ns", SET_COLUMNS),
    "w3s": ("the same, one byte per page on varying lines; CPU ns", SET_COLUMNS),
    **{
        f"w4_{n}": (f"{n} thread{'s'[:n > 1]}, random <= 4 MiB, 64 KiB written; wall ns per operation over all", ("cpu_ns", "faults"))
        for n in THREADS
    },
    "w5_2k": ("hand-off to another thread, 2 KiB, untouched; wall ns per buffer", ("faults",)),
    "w5_2k_touched": ("hand-off to another thread, 2 KiB, one line written and read; wall ns per buffer", ("faults",)),
    "w5_64k": ("hand-off to another thread, 64 KiB, untouched; wall ns per buffer", ("faults",)),
    "w5_64k_touched": ("hand-off to another thread, 64 KiB, one line written and read; wall ns per buffer", ("faults",)),
    "w7b": ("16 x 1 MiB acquired, written, all released; CPU ns per buffer", ("faults",)),
    "w9": ("latency of one acquire, 128 live on each of two threads; p99.9 in ns, two time stamps included", ("p50", "p99", "max")),
    "w12": ("create a pool, 64 buffers of 2 KiB, destroy it; CPU ns of the whole", ("faults",)),
}


def kind_of(peer):
    return "heap" if peer.startswith("shared_") else KINDS.get(peer, "peer")


def is_rival(case, peer):
    """Whether the ratio to the best peer is one to this peer: finished, thread-safe, doing the same."""
    if case == "w12":
        return peer in PRIVATE_POOLS
    return kind_of(peer) in ("general", "pool")


class Judge:
    """Evaluates targets over medians: `value(case, peer, key)`; None where something was not measured."""

    def __init__(self, median):
        self.median = median
        self.lines = []

    def best(self, case, peers, key="ns"):
        known = [(value, peer) for peer in peers if (value := self.median(case, peer, key)) is not None]
        return min(known, default=(None, None))

    def at_most(self, case, what, value, limit, unit="", note=""):
        if value is None or limit is None:
            return
        self.lines.append({"case": case, "target": what, "limit": limit, "value": value, "unit": unit, "met": value <= limit, "note": note})

    def at_least(self, case, what, value, limit, unit="", note=""):
        if value is None or limit is None:
            return
        self.lines.append({"case": case, "target": what, "limit": limit, "value": value, "unit": unit, "met": value >= limit, "note": note})

    def ratio(self, case, peers, key="ns"):
        """(ours / best of peers, its name)."""
        ours = self.median(case, "polder", key)
        value, peer = self.best(case, peers, key)
        if ours is None or not value:
            return None, ""
        return ours / value, peer

    def judge(self):
        ours = lambda case, key="ns": self.median(case, "polder", key)
        inverse = lambda pair: (1 / pair[0] if pair[0] else None, pair[1])

        self.at_most("w1", "<= 3.1 ns", ours("w1"), 3.1, "ns")
        part, peer = self.ratio("w1", GENERAL + SAFE_POOLS)
        self.at_most("w1", "<= 0.9 x the best thread-safe peer", part, 0.9, "x", peer)

        self.at_most("w2", "<= 5 ns", ours("w2"), 5, "ns")
        times, peer = inverse(self.ratio("w2", GENERAL))
        self.at_least("w2", ">= 4 x faster than every general allocator", times, 4, "x", peer)
        times, peer = inverse(self.ratio("w2", PMR))
        self.at_least("w2", ">= 4 x faster than the std::pmr pools", times, 4, "x", peer)

        self.at_most("w2x", "<= 20 ns", ours("w2x"), 20, "ns")
        part, peer = self.ratio("w2x", GENERAL + SAFE_POOLS + PMR)
        self.at_most("w2x", "faster than every peer", part, 1.0, "x", peer)

        part, peer = self.ratio("w3", GENERAL + PMR)
        self.at_most("w3", "time within 5 % of the best peer", part, 1.05, "x", peer)
        self.at_most("w3", "RSS <= 1.5 x live bytes", ours("w3", "rss_per_live"), 1.5, "x")
        self.at_most("w3", "<= 2 MB stay after trim", ours("w3", "trimmed_mb"), 2, "MB")

        for case, limit in (("w5_2k_touched", 20), ("w5_64k_touched", 25)):
            self.at_most(case, f"<= {limit} ns", ours(case), limit, "ns")
            part, peer = self.ratio(case, GENERAL)
            self.at_most(case, "faster than every general allocator", part, 1.0, "x", peer)
            self.at_most(case, "no page fault at the steady state", ours(case, "faults"), 1e-4, "per buffer")

        before = None
        for threads in THREADS:
            case = f"w4_{threads}"
            part, peer = self.ratio(case, ("limit_tls_stack",))
            self.at_most(case, "level with a thread-local stack (5 %)", part, 1.05, "x", peer)
            now = ours(case)
            if before is not None and now is not None:
                self.at_most(case, "total throughput does not fall (5 % for noise)", now / before, 1.05, "x", "fewer threads")
            before = now if now is not None else before

        self.at_most("w9", "p99.9 <= 250 ns", ours("w9"), 250, "ns")
        part, peer = self.ratio("w9", GENERAL)
        self.at_most("w9", "p99.9 <= 0.5 x the best general allocator", part, 0.5, "x", peer)

        part, peer = self.ratio("w7b", ("limit_tls_stack",))
        self.at_most("w7b", "level with a thread-local stack (5 %)", part, 1.05, "x", peer)
        times, peer = inverse(self.ratio("w7b", ("glibc",)))
        self.at_least("w7b", ">= 20 x faster than glibc", times, 20, "x", peer)

        self.at_most("w12", "<= 30 us", ours("w12"), 30_000, "ns")
        return self.lines
