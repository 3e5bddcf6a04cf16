// SPDX-License-Identifier: Apache-2.0
//
// Plan: the k-th system call fails, for every k that a piece of work makes, once and for ever after. Each acquisition then succeeds or
// says out_of_memory (or exhausted) and changed nothing; the invariants hold; when the system is kind again everything works.
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "polder/base/units.hpp"
#include "polder/core/arena.hpp"
#include "polder/pools/options.hpp"
#include "support/faults.hpp"
#include "support/marks.hpp"
#include "support/scale.hpp"

namespace polder::core {
namespace {

struct closer {
    void operator()(arena* a) const noexcept { a->close(); }
};
using arena_ptr = std::unique_ptr<arena, closer>;

arena_ptr make() {
    arena_options options;
    options.tiers = default_tiers();
    options.committed_bytes_max = 256_MiB;
    options.idle_bytes_max = 8_MiB;
    options.cpu_cache_bytes_max = 2_MiB;
    options.name = "faulty";
    int error = 0;
    return arena_ptr(arena::create(options, error));
}

struct totals {
    std::uint64_t held = 0, requested = 0, acquisitions = 0;
    bool operator==(const totals&) const = default;
};
totals totals_of(arena& a) {
    totals sum;
    for (const class_census& c : a.take_census().classes) {
        sum.held += c.held;
        sum.requested += c.requested_bytes;
        sum.acquisitions += c.acquisitions;
    }
    return sum;
}

/// Work that reserves, commits, decommits, carves, splits, trims and drains. Checks the strong guarantee at every refusal.
void work(arena& a, bool must_succeed) {
    struct slot_out {
        acquisition got;
        std::size_t bytes;
    };
    std::vector<slot_out> live;
    const auto acquire = [&](std::size_t bytes) {
        const totals before = totals_of(a);
        acquisition got;
        const outcome result =
            bytes > a.classes().largest() ? a.acquire_huge(bytes, bytes, got) : a.acquire(a.classes().class_of(bytes), bytes, got);
        if (result == outcome::done) {
            test::mark({got.data, bytes}, got.word);
            live.push_back({got, bytes});
            return;
        }
        EXPECT_FALSE(must_succeed) << bytes;
        EXPECT_TRUE(result == outcome::out_of_memory || result == outcome::exhausted);
        EXPECT_TRUE(totals_of(a) == before) << "a refusal changed something";
    };
    const auto release_half = [&](bool all) {
        std::vector<slot_out> kept;
        for (std::size_t i = 0; i != live.size(); ++i) {
            if (!all && i % 2 == 0) {
                kept.push_back(live[i]);
                continue;
            }
            EXPECT_TRUE(test::is_marked({live[i].got.data, live[i].bytes}, live[i].got.word));
            word_bits actual = 0;
            EXPECT_EQ(a.release(live[i].got.cls, live[i].got.slot, live[i].got.word, actual), outcome::done);
        }
        live = std::move(kept);
    };
    for (const std::size_t bytes : {std::size_t{100}, std::size_t{2048}, std::size_t{50'000}, std::size_t{1_MiB},
                                    std::size_t{4_MiB}, std::size_t{6_MiB}, std::size_t{70_MiB}})
        for (int i = 0; i != 4; ++i)
            if (bytes < 70_MiB || i == 0) acquire(bytes);
    EXPECT_EQ(a.check(), nullptr) << a.check();
    release_half(false);
    EXPECT_EQ(a.check(), nullptr) << a.check();
    a.trim(1_MiB);
    a.drain();
    EXPECT_EQ(a.check(), nullptr) << a.check();
    for (int i = 0; i != 10; ++i) acquire(300'000);
    acquire(30_MiB);
    release_half(true);
    a.drain();
    a.trim(0);
    EXPECT_EQ(a.check(), nullptr) << a.check();
    EXPECT_EQ(totals_of(a).held, 0U);
}

std::uint64_t calls_of_the_work() {
    const arena_ptr a = make();
    const test::fault_injection count({.at = 0});
    work(*a, true);
    return count.calls();
}

void fail_at_every_call(bool for_ever, int error, const char* verb) {
    const std::uint64_t calls = calls_of_the_work();
    ASSERT_GT(calls, 5U) << "the work must reach the system";
    const std::uint64_t step = test::scaled<std::uint64_t>(calls / 4 + 1, 1, 1);
    for (std::uint64_t k = 1; k <= calls; k += step) {
        SCOPED_TRACE("call " + std::to_string(k));
        const arena_ptr a = make();
        ASSERT_NE(a, nullptr);
        {
            const test::fault_injection faults({.at = k, .for_ever = for_ever, .error = error, .verb = verb});
            work(*a, false);
            if (verb == nullptr) {
                EXPECT_GE(faults.injected(), 1U);
            }
        }
        work(*a, true);
        EXPECT_EQ(a->take_census().committed_bytes, 0U) << "and nothing was lost meanwhile";
        if (::testing::Test::HasFailure()) return;
    }
}

TEST(ArenaFaults, OnceAtEveryCall) { fail_at_every_call(false, ENOMEM, nullptr); }
TEST(ArenaFaults, ForEverFromEveryCallOn) { fail_at_every_call(true, ENOMEM, nullptr); }
TEST(ArenaFaults, MemoryThatIsNotTakenBack) { fail_at_every_call(true, EAGAIN, "decommit"); }
TEST(ArenaFaults, MemoryThatIsNotGiven) { fail_at_every_call(true, ENOMEM, "commit"); }

}  // namespace
}  // namespace polder::core
