// SPDX-License-Identifier: Apache-2.0
//
// Plan: the handle. resize in place, with a copy, refused; clear and reset; slices and splits: ranges, contents, who is last, on many
// threads, resized parts, of small, coloured, large and huge slots; is_unique; detach and attach; all of it after the pool is gone.
#include "polder/pools/buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "polder/polder.hpp"
#include "support/pattern.hpp"
#include "support/random.hpp"
#include "support/scale.hpp"
#include "support/stats_checks.hpp"

namespace polder {
namespace {

using test::fill;
using test::first_difference;
using test::intact;

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();
/// One size of each sort: small, coloured, a whole slab, a run of a class, a run of its own length.
constexpr std::size_t sorts[] = {100, 3000, 33'000, 300'000, 4_MiB, 5_MiB, 70_MiB};

class Buffer : public ::testing::Test {
protected:
    buffer_pool pool{{.name = "handles", .committed_bytes_max = 512_MiB, .idle_bytes_max = 256_MiB}};
};

TEST_F(Buffer, EmptyHandlesOwnNothing) {
    buffer b;
    EXPECT_FALSE(b);
    EXPECT_TRUE(b.empty());
    EXPECT_EQ(b.data(), nullptr);
    EXPECT_EQ(b.size() + b.capacity(), 0U);
    EXPECT_TRUE(b.span().empty());
    EXPECT_FALSE(b.is_unique());
    b.reset();
    b.clear();
    buffer other(std::move(b));
    b = std::move(other);
    b.swap(other);
    EXPECT_THROW(b.resize(1), invalid_size);
    EXPECT_THROW(b.slice(0, 0), invalid_size);
    EXPECT_THROW(b.split_off(0), invalid_size);
    EXPECT_THROW(b.detach(), invalid_size);
    EXPECT_FALSE(b);
}

TEST_F(Buffer, CapacityIsWritableToItsEnd) {
    for (const std::size_t size : sorts) {
        buffer b = pool.acquire(size);
        SCOPED_TRACE(size);
        ASSERT_GE(b.capacity(), b.size());
        EXPECT_LE(b.capacity(), pool.slot_bytes_for(size));
        b.resize(b.capacity());
        test::fill_sparsely(b.span(), 1);
        EXPECT_EQ(test::first_sparse_difference(b.span(), 1), intact);
    }
}

TEST_F(Buffer, ResizeWithinCapacityStays) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        buffer b = pool.acquire(size);
        const std::byte* const where = b.data();
        const std::size_t capacity = b.capacity();
        fill(b.span().first(100), 2);
        for (const std::size_t to : {capacity, std::size_t{1}, std::size_t{0}, size}) {
            b.resize(to);
            EXPECT_EQ(b.size(), to);
            EXPECT_EQ(b.data(), where);
            EXPECT_EQ(b.capacity(), capacity);
            EXPECT_TRUE(b);
            EXPECT_EQ(pool.stats().requested_bytes, to);
        }
        EXPECT_EQ(first_difference(b.span().first(100), 2), intact);
        EXPECT_EQ(pool.stats().acquisitions - pool.stats().releases, 1U);
    }
}

TEST_F(Buffer, ResizeBeyondCapacityMovesTheBytes) {
    buffer b = pool.acquire(10);
    fill(b.span(), 3);
    std::size_t before = b.size();
    for (const std::size_t to : {100U, 5000U, 40'000U, 1U << 20, 5U << 20, 70U << 20}) {
        const std::size_t releases = pool.stats().releases;
        b.resize(to);
        ASSERT_EQ(b.size(), to);
        ASSERT_GE(b.capacity(), to);
        EXPECT_EQ(first_difference(b.span().first(before), 3), intact) << to;
        EXPECT_EQ(pool.stats().buffers_in_use, 1U);
        EXPECT_EQ(pool.stats().releases, releases + 1) << "the old bytes went home";
        EXPECT_EQ(pool.stats().requested_bytes, to);
        before = std::min<std::size_t>(to, 100'000);
        fill(b.span().first(before), 3);
    }
}

TEST_F(Buffer, ARefusedResizeChangesNothing) {
    buffer_pool small({.name = "small", .committed_bytes_max = 8_MiB});
    buffer b = small.acquire(3_MiB);
    buffer other = small.acquire(4_MiB);
    fill(b.span(), 4);
    const std::byte* const where = b.data();
    const std::size_t capacity = b.capacity();
    const pool_stats before = small.stats();
    EXPECT_THROW(b.resize(4_MiB), exhausted);
    EXPECT_THROW(b.resize(9_MiB), invalid_size);
    EXPECT_THROW(b.resize(size_max), invalid_size);
    EXPECT_THROW(b.resize(size_max - 63), invalid_size);
    EXPECT_EQ(b.data(), where);
    EXPECT_EQ(b.size(), 3_MiB);
    EXPECT_EQ(b.capacity(), capacity);
    EXPECT_EQ(first_difference(b.span(), 4), intact);
    test::expect_same_holdings(before, small.stats());
}

TEST_F(Buffer, ClearKeepsTheBytesResetGivesThemBack) {
    buffer b = pool.acquire(1000);
    const std::size_t capacity = b.capacity();
    b.clear();
    EXPECT_TRUE(b && b.empty());
    EXPECT_EQ(b.capacity(), capacity);
    EXPECT_EQ(pool.stats().buffers_in_use, 1U);
    b.reset();
    EXPECT_FALSE(b);
    EXPECT_EQ(b.data(), nullptr);
    EXPECT_EQ(b.capacity(), 0U);
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Buffer, SwapExchangesEverything) {
    buffer a = pool.acquire(100);
    buffer b = pool.acquire(70_MiB);
    const auto *const at_a = a.data(), *const at_b = b.data();
    a.swap(b);
    EXPECT_EQ(a.data(), at_b);
    EXPECT_EQ(a.size(), 70_MiB);
    EXPECT_EQ(b.data(), at_a);
    EXPECT_EQ(b.size(), 100U);
    a.reset();
    b.reset();
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Buffer, SlicesAreViewsThatOwn) {
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

TEST_F(Buffer, RangesAreChecked) {
    buffer b = pool.acquire(100);
    EXPECT_NO_THROW(b.slice(0, 100));
    EXPECT_NO_THROW(b.slice(100, 0));
    const std::pair<std::size_t, std::size_t> wrong[] = {{0, 101}, {101, 0}, {50, 51}, {size_max, 0}, {size_max, size_max}, {1, size_max}, {50, size_max - 49}, {0, size_max}};
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

TEST_F(Buffer, SplitOffCutsInTwo) {
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

TEST_F(Buffer, SplitsAtTheEnds) {
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

TEST_F(Buffer, SplittingOnAndOn) {
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

TEST_F(Buffer, ASlotThatWasSharedIsAnOrdinaryOneAfterwards) {
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

TEST_F(Buffer, PartsMayGoAtOnceOnManyThreads) {
    // The last two to go meet often here; afterwards the slot must count its handles from the beginning again.
    std::atomic<std::uint64_t> turn{0};
    std::optional<buffer> given;
    const std::size_t rounds = test::scaled(30'000);
    std::thread other([&] {
        for (std::size_t i = 0; i != rounds; ++i) {
            while (turn.load(std::memory_order_acquire) != 2 * i + 1) std::this_thread::yield();
            buffer mine = std::move(*given);
            turn.store(2 * i + 2, std::memory_order_release);
            mine.reset();
        }
    });
    for (std::size_t i = 0; i != rounds; ++i) {
        buffer b = pool.acquire(2000);
        EXPECT_TRUE(b.is_unique());
        given = b.slice(0, 100);
        EXPECT_FALSE(b.is_unique()) << "round " << i << ": the count of an earlier owner was left behind";
        turn.store(2 * i + 1, std::memory_order_release);
        while (turn.load(std::memory_order_acquire) != 2 * i + 2) std::this_thread::yield();
        b.reset();
    }
    other.join();
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
    EXPECT_EQ(pool.stats().releases, rounds);
}

TEST_F(Buffer, DetachedAndAttached) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        buffer b = pool.acquire(size);
        fill(b.span().first(100), 9);
        const std::size_t capacity = b.capacity();
        const std::byte* const where = b.data();
        const detached_buffer value = b.detach();
        EXPECT_FALSE(b);
        EXPECT_EQ(value.data, where);
        EXPECT_EQ(value.size, size);
        EXPECT_EQ(pool.stats().buffers_in_use, 1U) << "still out";
        buffer back = pool.attach(value);
        ASSERT_TRUE(back);
        EXPECT_EQ(back.data(), where);
        EXPECT_EQ(back.size(), size);
        EXPECT_EQ(back.capacity(), capacity);
        EXPECT_TRUE(back.is_unique());
        EXPECT_EQ(first_difference(back.span().first(100), 9), intact);
        // And again, on another thread.
        const detached_buffer second = back.detach();
        std::thread([&] { pool.attach(second).reset(); }).join();
        EXPECT_EQ(pool.stats().buffers_in_use, 0U);
        EXPECT_EQ(pool.stats().acquisitions, pool.stats().releases);
    }
}

TEST_F(Buffer, DetachKeepsAResizedSizeAndTheRequestedBytes) {
    buffer b = pool.acquire(1000);
    b.resize(400);
    const detached_buffer value = b.detach();
    EXPECT_EQ(value.size, 400U);
    EXPECT_EQ(pool.stats().requested_bytes, 400U);
    buffer back = pool.attach(value);
    EXPECT_EQ(back.size(), 400U);
    EXPECT_EQ(pool.stats().requested_bytes, 400U);
    back.resize(back.capacity());
    EXPECT_EQ(pool.stats().requested_bytes, back.capacity());
}

TEST_F(Buffer, ASharedSlotIsNotDetached) {
    buffer b = pool.acquire(1000);
    buffer part = b.slice(0, 10);
    EXPECT_THROW(b.detach(), invalid_size);
    EXPECT_THROW(part.detach(), invalid_size);
    EXPECT_EQ(b.size(), 1000U);
    EXPECT_EQ(part.size(), 10U);
    b.reset();
    buffer back = pool.attach(part.detach());
    EXPECT_EQ(back.size(), 10U);
    back.reset();
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Buffer, EverythingWorksWhenThePoolIsGone) {
    std::vector<buffer> kept;
    {
        buffer_pool gone({.name = "gone"});
        for (const std::size_t size : sorts) kept.push_back(gone.acquire(size));
    }
    for (buffer& b : kept) {
        b.resize(b.capacity());
        test::fill_sparsely(b.span(), 10);
        buffer tail = b.split_off(64);
        buffer part = b.slice(1, 2);
        EXPECT_FALSE(b.is_unique());
        EXPECT_THROW(b.resize(b.capacity() + 1), error) << "there is nobody to ask for more";
        EXPECT_EQ(b.size(), 64U);
        b.reset();
        part.reset();
        EXPECT_TRUE(tail.is_unique());
    }
}

TEST_F(Buffer, GenerationsGoUpByOnePerAcquisition) {
    std::uint64_t sum = 0;
    for (int i = 0; i != 100; ++i) {
        buffer b = pool.acquire(300);
        EXPECT_GT(b.generation(), 0U);
        buffer part = b.slice(0, 1);
        EXPECT_EQ(part.generation(), b.generation());
        EXPECT_EQ(part.slot(), b.slot());
        ++sum;
    }
    EXPECT_EQ(pool.stats().acquisitions, sum);
}

}  // namespace
}  // namespace polder
