// SPDX-License-Identifier: Apache-2.0
//
// Plan: what only a buffer_pool has, besides the contract of conformance/. Alignments, right and wrong; whose memory, which slot; the
// table of tiers and its waste; runs above the tiers are pooled; colouring; clear; what the counters of caches, refills and growths count.
#include "polder/pools/buffer_pool.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <limits>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "polder/polder.hpp"
#include "support/marks.hpp"
#include "support/stats_checks.hpp"

namespace polder {
namespace {

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

static_assert(!std::is_copy_constructible_v<buffer_pool> && !std::is_move_constructible_v<buffer_pool>);
static_assert(!std::is_copy_constructible_v<buffer> && !std::is_copy_assignable_v<buffer>);
static_assert(std::is_nothrow_move_constructible_v<buffer> && std::is_nothrow_move_assignable_v<buffer>);
static_assert(std::is_nothrow_destructible_v<buffer> && std::is_nothrow_destructible_v<buffer_pool>);
static_assert(noexcept(std::declval<buffer_pool&>().try_acquire(1, std::declval<std::error_code&>())));
static_assert(noexcept(std::declval<buffer_pool&>().deallocate(nullptr)));

bool is_aligned(const void* pointer, std::size_t alignment) { return reinterpret_cast<std::uintptr_t>(pointer) % alignment == 0; }

TEST(BufferPool, AlignsToWhatIsAskedFor) {
    for (const buffer_pool_options& options : {buffer_pool_options{.name = "default"},
                                               buffer_pool_options{.name = "odd", .tiers = {192, 4032, 1_MiB + 64, 4_MiB - 64}}}) {
        buffer_pool pool(options);
        for (const std::size_t size : {std::size_t{1}, std::size_t{100}, std::size_t{5000}, 40_KiB, 1_MiB, 4_MiB, 5_MiB, 70_MiB})
            for (std::size_t alignment = 1; alignment <= 4_MiB; alignment *= 2) {
                SCOPED_TRACE(options.name + ": " + std::to_string(size) + " at " + std::to_string(alignment));
                buffer b = pool.acquire(size, alignment);
                EXPECT_TRUE(is_aligned(b.data(), alignment));
                EXPECT_EQ(b.size(), size);
                EXPECT_GE(b.capacity(), size);
                b.data()[size - 1] = std::byte{1};
                void* const p = pool.allocate(size, alignment);
                EXPECT_TRUE(is_aligned(p, alignment));
                pool.deallocate(p, size);
            }
        EXPECT_EQ(pool.stats().buffers_in_use, 0U);
        test::expect_sums(pool.stats());
    }
}

TEST(BufferPool, WrongAlignmentsAreRefusedAndChangeNothing) {
    buffer_pool pool({.name = "aligned"});
    buffer held = pool.acquire(3000);
    test::mark(held.span(), 1);
    const pool_stats before = pool.stats();
    for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{48}, std::size_t{65}, 4_MiB - 1, 4_MiB + 1,
                                        8_MiB, std::size_t{1} << 63, size_max, size_max - 63}) {
        SCOPED_TRACE(alignment);
        try {
            const buffer b = pool.acquire(1000, alignment);
            ADD_FAILURE() << "not refused";
        } catch (const invalid_alignment& caught) {
            const std::string text = caught.what();
            EXPECT_NE(text.find("aligned"), std::string::npos) << text;
            EXPECT_NE(text.find(std::to_string(alignment)), std::string::npos) << text;
            EXPECT_NE(text.find("4 MiB"), std::string::npos) << text;
            EXPECT_EQ(caught.code(), errc::invalid_alignment);
            EXPECT_EQ(caught.details().pool, "aligned");
            EXPECT_EQ(caught.details().request_bytes, 1000U);
            EXPECT_EQ(caught.details().limit_bytes, 4_MiB);
        }
        EXPECT_THROW(pool.allocate(1000, alignment), invalid_alignment);
        std::error_code error;
        EXPECT_EQ(pool.try_allocate(1000, error, alignment), nullptr);
        EXPECT_EQ(error, errc::invalid_alignment);
        // Both wrong: some reason, and no overflow on the way.
        EXPECT_THROW(pool.acquire(0, alignment), polder::error);
        EXPECT_THROW(pool.acquire(size_max, alignment), polder::error);
    }
    for (std::size_t alignment = 1; alignment <= 4_MiB; alignment *= 4)
        for (const std::size_t size : {std::size_t{0}, size_max, size_max - alignment, size_max / 2 + 1})
            EXPECT_THROW(pool.acquire(size, alignment), invalid_size) << size << " at " << alignment;
    test::expect_unchanged(before, pool.stats());
    EXPECT_TRUE(test::is_marked(held.span(), 1));
    EXPECT_NO_THROW(pool.acquire(1000, 4096));
}

TEST(BufferPool, AnAlignmentThatNeedsMoreThanTheCapIsRefused) {
    buffer_pool pool({.name = "narrow", .committed_bytes_max = 1_MiB});
    EXPECT_NO_THROW(pool.acquire(100, 4096));
    try {
        const buffer b = pool.acquire(100, 4_MiB);
        ADD_FAILURE() << "4 MiB of alignment take a slot of 4 MiB";
    } catch (const invalid_size& caught) {
        const std::string text = caught.what();
        EXPECT_NE(text.find("narrow"), std::string::npos) << text;
        EXPECT_NE(text.find("4 MiB"), std::string::npos) << text;
        EXPECT_NE(text.find("committed_bytes_max = 1 MiB"), std::string::npos) << text;
    }
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST(BufferPool, KnowsItsMemoryAndItsSlots) {
    buffer_pool pool({.committed_bytes_max = 100_MiB});
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{2000}, 100_KiB, 4_MiB, 4_MiB + 1, 70_MiB}) {
        const std::size_t slot_bytes = pool.slot_bytes_for(size);
        buffer b = pool.acquire(size);
        EXPECT_GE(slot_bytes, size);
        EXPECT_EQ(pool.stats().in_use_bytes, slot_bytes) << size;
        EXPECT_TRUE(pool.owns(b.data()));
        EXPECT_TRUE(pool.owns(b.data() + size - 1));
    }
    for (const std::size_t size : {std::size_t{0}, 100_MiB + 1, size_max, size_max - 63})
        EXPECT_EQ(pool.slot_bytes_for(size), 0U) << size;
    EXPECT_FALSE(pool.owns(nullptr));
    EXPECT_FALSE(pool.owns(&pool));
}

TEST(BufferPool, TheDefaultTableWastesAFifthAtMost) {
    buffer_pool pool;
    for (std::size_t size = 1; size <= 4_MiB; size += 1 + size / 50) {
        const std::size_t slot_bytes = pool.slot_bytes_for(size);
        // Above 256 bytes; below, slots are multiples of 64.
        EXPECT_LE(slot_bytes - size, std::max<std::size_t>(63, slot_bytes / 5)) << size;
    }
}

TEST(BufferPool, ReportsTheWasteOfItsTable) {
    buffer_pool pool({.tiers = {1024, 64_KiB}});
    std::vector<buffer> live;
    for (int i = 0; i != 10; ++i) live.push_back(pool.acquire(1000));
    for (int i = 0; i != 3; ++i) live.push_back(pool.acquire(1025));
    live.push_back(pool.acquire(1_MiB));
    const pool_stats s = pool.stats();
    ASSERT_GE(s.tiers.size(), 3U);
    EXPECT_EQ(s.tiers[0].slot_bytes, 1024U);
    EXPECT_EQ(s.tiers[0].waste_bytes(), 10 * 24U);
    EXPECT_EQ(s.tiers[1].slot_bytes, 64_KiB);
    EXPECT_EQ(s.tiers[1].waste_bytes(), 3 * (64_KiB - 1025));
    EXPECT_EQ(s.in_use_bytes, 10 * 1024 + 3 * 64_KiB + 4_MiB) << "above the table, runs of slabs";
}

TEST(BufferPool, RunsAboveTheTiersArePooledToo) {
    buffer_pool pool({.committed_bytes_max = 1_GiB, .idle_bytes_max = 512_MiB});
    for (const std::size_t size : {4_MiB + 1, 5_MiB, 16_MiB, 64_MiB, 65_MiB, 100_MiB}) {
        SCOPED_TRACE(size);
        buffer first = pool.acquire(size);
        test::mark(first.span(), size);
        EXPECT_TRUE(test::is_marked(first.span(), size));
        const std::byte* const where = first.data();
        const pool_stats before = pool.stats();
        first.reset();
        EXPECT_EQ(pool.stats().committed_bytes, before.committed_bytes) << "kept for the next one";
        for (int i = 0; i != 5; ++i) {
            const buffer again = pool.acquire(size);
            EXPECT_EQ(again.data(), where);
        }
        EXPECT_EQ(pool.stats().growths, before.growths);
        test::expect_sums(pool.stats());
    }
    pool.clear();
    EXPECT_EQ(pool.stats().committed_bytes, 0U);
    // The line of runs of their own length counts them together.
    buffer a = pool.acquire(65_MiB), b = pool.acquire(100_MiB);
    const tier_stats runs = pool.stats().tiers.back();
    EXPECT_EQ(runs.slot_bytes, 0U);
    EXPECT_EQ(runs.buffers_in_use, 2U);
    EXPECT_EQ(runs.requested_bytes, 165_MiB);
}

TEST(BufferPool, ColouringSpreadsTheBeginnings) {
    buffer_pool coloured, plain({.colouring = false});
    std::set<std::uintptr_t> offsets;
    std::vector<buffer> live;
    for (int i = 0; i != 32; ++i) {
        live.push_back(coloured.acquire(33'000));
        offsets.insert(reinterpret_cast<std::uintptr_t>(live.back().data()) % 4096);
        EXPECT_TRUE(is_aligned(live.back().data(), 64));
        live.push_back(plain.acquire(33'000));
        EXPECT_TRUE(is_aligned(live.back().data(), 4096));
        live.push_back(coloured.acquire(33'000, 4096));
        EXPECT_TRUE(is_aligned(live.back().data(), 4096)) << "asked for";
    }
    EXPECT_GE(offsets.size(), 8U);
}

TEST(BufferPool, SaysWhetherItHasCaches) {
    const buffer_pool with, without({.per_cpu_caches = false});
    EXPECT_STRNE(with.cache_status(), "");
    EXPECT_STREQ(without.cache_status(), "switched off by per_cpu_caches = false");
}

/// Runs on one CPU for as long as it lives.
class pinned {
public:
    pinned() noexcept {
        sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t one;
        CPU_ZERO(&one);
        const int here = sched_getcpu();
        CPU_SET(static_cast<unsigned>(here < 0 ? 0 : here), &one);
        is_pinned_ = sched_setaffinity(0, sizeof one, &one) == 0;
    }
    ~pinned() { sched_setaffinity(0, sizeof before_, &before_); }
    pinned(const pinned&) = delete;
    pinned& operator=(const pinned&) = delete;
    explicit operator bool() const noexcept { return is_pinned_; }

private:
    cpu_set_t before_{};
    bool is_pinned_ = false;
};

TEST(BufferPool, HitsAndRefillsAreExact) {
    const pinned here;
    if (!here) GTEST_SKIP() << "may not choose its CPU";
    buffer_pool pool;
    const bool has_caches = std::string(pool.cache_status()) == "in use";
    pool.acquire(2048).reset();
    const pool_stats first = pool.stats();
    EXPECT_EQ(first.slow_acquisitions, 1U);
    EXPECT_EQ(first.refills, 1U);
    EXPECT_EQ(first.growths, 1U);
    for (int i = 0; i != 1000; ++i) pool.acquire(2048).reset();
    const pool_stats often = pool.stats();
    EXPECT_EQ(often.acquisitions, 1001U);
    EXPECT_EQ(often.hits, has_caches ? 1000U : 0U) << pool.cache_status();
    EXPECT_EQ(often.refills, has_caches ? 1U : 1001U);
    EXPECT_EQ(often.flushes, 0U);
    // More at once than a cache holds: refills on the way out, flushes on the way home.
    std::vector<buffer> live;
    for (int i = 0; i != 2000; ++i) live.push_back(pool.acquire(2048));
    const pool_stats out = pool.stats();
    EXPECT_EQ(out.acquisitions, 3001U);
    EXPECT_EQ(out.slow_acquisitions, out.refills) << "each of these went to the slabs for a batch";
    if (has_caches) {
        EXPECT_GT(out.refills, often.refills + 10);
        EXPECT_LT(out.refills, often.refills + 1000) << "batches, not single slots";
    }
    live.clear();
    const pool_stats home = pool.stats();
    EXPECT_EQ(home.flushes > 0, has_caches);
    EXPECT_EQ(home.releases, 3001U);
    test::expect_sums(home);
}

TEST(BufferPool, GrowthsAndRecarvesAreExact) {
    buffer_pool pool({.committed_bytes_max = 64_MiB, .idle_bytes_max = 64_MiB});
    std::vector<buffer> live;
    for (int i = 0; i != 8; ++i) live.push_back(pool.acquire(1_MiB));
    EXPECT_EQ(pool.stats().growths, 2U) << "four of them to a slab";
    EXPECT_EQ(pool.stats().recarves, 0U);
    EXPECT_EQ(pool.stats().committed_bytes_peak, 8_MiB);
    live.clear();
    pool.clear();
    EXPECT_EQ(pool.stats().trimmed_bytes, 8_MiB);
    EXPECT_EQ(pool.stats().committed_bytes, 0U);
    live.push_back(pool.acquire(4_MiB));
    EXPECT_EQ(pool.stats().growths, 3U) << "its memory had gone";
    live.clear();
    live.push_back(pool.acquire(1_MiB));
    EXPECT_EQ(pool.stats().growths, 3U) << "resident memory is carved again first";
    EXPECT_EQ(pool.stats().recarves, 1U);
    EXPECT_EQ(pool.stats().committed_bytes_peak, 8_MiB);
    EXPECT_EQ(pool.stats().in_use_bytes_peak, 8_MiB);
    test::expect_sums(pool.stats());
}

}  // namespace
}  // namespace polder
