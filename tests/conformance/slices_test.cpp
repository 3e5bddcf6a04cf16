// SPDX-License-Identifier: Apache-2.0
//
// Plan: several handles on one slot. Ranges, contents, capacities, is_unique, who is last; of small, coloured, large and huge slots.
// On many threads: the last two go at the same moment; handles in any number, of any descent, go in any order while others wait for
// the slot.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "conformance/handles.hpp"
#include "polder/polder.hpp"
#include "support/marks.hpp"
#include "support/pattern.hpp"
#include "support/random.hpp"
#include "support/scale.hpp"
#include "support/stats_checks.hpp"
#include "support/violations.hpp"

namespace polder {
namespace {

using test::fill;
using test::first_difference;
using test::intact;
using test::size_max;
using test::sorts;

class Slices : public test::handle_test {};

TEST_F(Slices, SlicesAreViewsThatOwn) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        buffer b = pool.acquire(size);
        const auto key = static_cast<std::uint64_t>(size);
        fill(b.span().first(100), key);
        buffer part = b.slice(10, 50);
        EXPECT_EQ(part.data(), b.data() + 10);
        EXPECT_EQ(part.size(), 50U);
        EXPECT_EQ(part.capacity(), 50U);
        EXPECT_FALSE(b.is_unique());
        EXPECT_FALSE(part.is_unique());
        buffer nested = part.slice(5, 10);
        EXPECT_EQ(nested.data(), b.data() + 15);
        EXPECT_EQ(pool.stats().buffers_in_use, 1U) << "one slot";
        b.reset();
        part.reset();
        EXPECT_EQ(pool.stats().buffers_in_use, 1U);
        EXPECT_TRUE(nested.is_unique());
        EXPECT_EQ(first_difference(nested.span(), key, 15), intact);
        nested.reset();
        EXPECT_EQ(pool.stats().buffers_in_use, 0U);
        EXPECT_EQ(pool.stats().acquisitions, pool.stats().releases);
    }
}

TEST_F(Slices, RangesAreChecked) {
    buffer b = pool.acquire(100);
    EXPECT_NO_THROW(b.slice(0, 100));
    EXPECT_NO_THROW(b.slice(100, 0));
    const std::pair<std::size_t, std::size_t> wrong[] = {
        {0, 101}, {101, 0}, {50, 51}, {size_max, 0}, {size_max, size_max}, {1, size_max}, {50, size_max - 49}, {0, size_max}};
    for (const auto& [offset, length] : wrong) {
        try {
            b.slice(offset, length);
            ADD_FAILURE() << offset << ", " << length;
        } catch (const invalid_size& caught) {
            EXPECT_NE(std::string(caught.what()).find("handles"), std::string::npos) << caught.what();
            EXPECT_EQ(caught.details().pool, "handles");
            EXPECT_EQ(caught.details().limit_bytes, 100U);
        }
    }
    for (const std::size_t offset : {std::size_t{101}, size_max, size_max - 63}) EXPECT_THROW(b.split_off(offset), invalid_size);
    EXPECT_TRUE(b.is_unique()) << "what was refused left nothing behind";
    EXPECT_EQ(b.size(), 100U);
}

TEST_F(Slices, SplitOffCutsInTwo) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        buffer head = pool.acquire(size);
        const std::size_t capacity = head.capacity();
        const std::byte* const begin = head.data();
        fill(head.span(), 5);
        buffer tail = head.split_off(64);
        EXPECT_EQ(head.data(), begin);
        EXPECT_EQ(head.size(), 64U);
        EXPECT_EQ(head.capacity(), 64U) << "the rest is the tail's";
        EXPECT_EQ(tail.data(), begin + 64);
        EXPECT_EQ(tail.size(), size - 64);
        EXPECT_EQ(tail.capacity(), capacity - 64);
        EXPECT_EQ(first_difference(head.span(), 5), intact);
        EXPECT_EQ(first_difference(tail.span(), 5, 64), intact);
        // Neither can grow into the other.
        tail.resize(tail.capacity());
        fill(head.span(), 6);
        fill(tail.span().subspan(size - 64), 7);
        EXPECT_EQ(first_difference(tail.span().first(size - 64), 5, 64), intact);
        head.resize(65);
        EXPECT_NE(head.data(), begin) << "it moved out to grow";
        EXPECT_EQ(first_difference(head.span().first(64), 6), intact);
        EXPECT_EQ(pool.stats().buffers_in_use, 2U);
        EXPECT_TRUE(tail.is_unique());
        head.reset();
        tail.reset();
        EXPECT_EQ(pool.stats().buffers_in_use, 0U);
    }
}

TEST_F(Slices, SplitsAtTheEnds) {
    buffer b = pool.acquire(100);
    const std::size_t capacity = b.capacity();
    buffer nothing = b.split_off(100);
    EXPECT_TRUE(nothing && nothing.empty());
    EXPECT_EQ(nothing.capacity(), capacity - 100);
    buffer all = b.split_off(0);
    EXPECT_TRUE(b && b.empty());
    EXPECT_EQ(all.size(), 100U);
    EXPECT_EQ(b.capacity(), 0U);
    b.reset();
    nothing.reset();
    EXPECT_TRUE(all.is_unique());
}

TEST_F(Slices, SplittingOnAndOn) {
    test::random random;
    buffer rest = pool.acquire(100'000);
    fill(rest.span(), 8);
    struct part {
        buffer bytes;
        std::size_t from;
    };
    std::vector<part> parts;
    std::size_t at = 0;
    while (rest.size() > 1) {
        const std::size_t cut = 1 + random.below(std::min<std::size_t>(rest.size() - 1, 500));
        buffer tail = rest.split_off(cut);
        parts.push_back({std::move(rest), at});
        at += cut;
        rest = std::move(tail);
    }
    parts.push_back({std::move(rest), at});
    EXPECT_EQ(pool.stats().buffers_in_use, 1U);
    std::shuffle(parts.begin(), parts.end(), random);
    while (!parts.empty()) {
        EXPECT_EQ(first_difference(parts.back().bytes.span(), 8, parts.back().from), intact);
        EXPECT_EQ(pool.stats().buffers_in_use, 1U);
        EXPECT_EQ(parts.back().bytes.is_unique(), parts.size() == 1);
        parts.pop_back();
    }
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
    EXPECT_EQ(pool.stats().releases, 1U);
}

TEST_F(Slices, ASlotThatWasSharedIsAnOrdinaryOneAfterwards) {
    for (int i = 0; i != 100; ++i) {
        buffer b = pool.acquire(2000);
        EXPECT_TRUE(b.is_unique());
        buffer part = b.slice(0, 10);
        EXPECT_FALSE(b.is_unique());
        if (i % 2 == 0) b.reset();
        part.reset();
    }
    EXPECT_EQ(pool.stats().releases, 100U);
}

/// Lets `count` threads go at the same moment, again and again.
class start_line {
public:
    explicit start_line(unsigned count) noexcept : count_(count) {}
    void wait() noexcept {
        const unsigned round = round_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
            arrived_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            return;
        }
        // Spinning for a while is what lets them go together; more threads than CPUs need a yield.
        for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins)
            if (spins > 2000) std::this_thread::yield();
    }

private:
    const unsigned count_;
    std::atomic<unsigned> arrived_{0};
    std::atomic<unsigned> round_{0};
};

/// `handles` handles on one slot go at the same moment on as many threads, round after round: the slot must come home once each time.
void let_go_together(buffer_pool& pool, std::size_t size, unsigned handles, std::size_t rounds) {
    const test::violation_recorder recorder;
    const pool_stats before = pool.stats();
    std::vector<buffer> parts(handles);
    start_line line(handles);
    std::atomic<std::uint64_t> damaged{0};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t != handles; ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = 0; i != rounds; ++i) {
                if (t == 0) {
                    buffer whole = pool.acquire(size);
                    if (!whole.is_unique()) damaged.fetch_add(1);
                    fill(whole.span().first(64), i);
                    // Slices of the whole, slices of slices, and what is left of it.
                    for (unsigned k = 1; k != handles; ++k) parts[k] = (k % 2 == 1 ? whole : parts[k - 1]).slice(0, 64);
                    parts[0] = std::move(whole);
                }
                line.wait();
                if (first_difference(parts[t].span().first(64), i) != intact) damaged.fetch_add(1);
                parts[t].reset();
                line.wait();
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(damaged.load(), 0U);
    EXPECT_EQ(recorder.count(), 0U) << recorder.last().text;
    const pool_stats after = pool.stats();
    EXPECT_EQ(after.buffers_in_use, 0U);
    EXPECT_EQ(after.acquisitions - before.acquisitions, rounds);
    EXPECT_EQ(after.releases - before.releases, rounds);
}

TEST_F(Slices, TwoHandlesGoTogether) { let_go_together(pool, 2000, 2, test::scaled(40'000)); }
TEST_F(Slices, ThreeHandlesGoTogether) { let_go_together(pool, 2000, 3, test::scaled(4000)); }
TEST_F(Slices, EightHandlesGoTogether) { let_go_together(pool, 2000, 8, test::scaled(1000)); }
TEST_F(Slices, TwoHandlesOnARunGoTogether) { let_go_together(pool, 5_MiB, 2, test::scaled(2000)); }
TEST_F(Slices, TwoHandlesOnARunOfItsOwnLengthGoTogether) { let_go_together(pool, 70_MiB, 2, test::scaled(400)); }

TEST_F(Slices, AnyNumberGoesInAnyOrderWhileOthersWaitForTheSlot) {
    // Few slots, so that one that came home too early is somebody else's, and overwritten, before its last handle looks at it.
    buffer_pool tight({.name = "tight", .tiers = {2048}, .committed_bytes_max = 64_KiB, .idle_bytes_max = 64_KiB});
    const test::violation_recorder recorder;
    struct part {
        buffer bytes;
        std::uint64_t key = 0;
        std::size_t from = 0;
        bool is_intact() const noexcept { return first_difference(bytes.span(), key, from) == intact; }
    };
    constexpr unsigned thread_count = 4;
    std::atomic<std::uint64_t> damaged{0}, acquired{0};
    for (std::size_t round = 0; round != test::scaled(300); ++round) {
        std::vector<std::vector<part>> shares(thread_count);
        auto random = test::random::for_thread(round);
        for (std::uint64_t key = 1; key <= 12; ++key) {
            std::vector<part> made;
            made.push_back({tight.acquire(2000), round * 100 + key, 0});
            ++acquired;
            fill(made[0].bytes.span(), made[0].key);
            for (std::uint64_t more = random.below(8); more != 0; --more) {
                part& of = made[random.below(made.size())];
                if (of.bytes.empty()) continue;
                const std::size_t at = random.below(of.bytes.size());
                if (random.one_in(2)) {
                    const std::size_t from = of.from;
                    const std::uint64_t its_key = of.key;
                    buffer tail = of.bytes.split_off(at);
                    made.push_back({std::move(tail), its_key, from + at});
                } else {
                    buffer view = of.bytes.slice(at, random.below(of.bytes.size() - at + 1));
                    made.push_back({std::move(view), of.key, of.from + at});
                }
            }
            for (part& p : made) shares[random.below(thread_count)].push_back(std::move(p));
        }
        start_line line(thread_count);
        std::vector<std::thread> threads;
        for (unsigned t = 0; t != thread_count; ++t)
            threads.emplace_back([&, t] {
                auto dice = test::random::for_thread(round * thread_count + t);
                auto& mine = shares[t];
                std::shuffle(mine.begin(), mine.end(), dice);
                line.wait();
                while (!mine.empty()) {
                    if (!mine.back().is_intact()) damaged.fetch_add(1);
                    mine.pop_back();
                    std::error_code error;
                    buffer greedy = tight.try_acquire(2048, error);
                    if (error) continue;
                    ++acquired;
                    if (!greedy.is_unique()) damaged.fetch_add(1);
                    fill(greedy.span(), ~std::uint64_t{0});
                }
            });
        for (auto& thread : threads) thread.join();
        ASSERT_EQ(tight.stats().buffers_in_use, 0U) << "round " << round;
    }
    EXPECT_EQ(damaged.load(), 0U);
    EXPECT_EQ(recorder.count(), 0U) << recorder.last().text;
    EXPECT_EQ(tight.stats().acquisitions, acquired.load());
    EXPECT_EQ(tight.stats().releases, acquired.load());
    test::expect_sums(tight.stats());
}

}  // namespace
}  // namespace polder
