// SPDX-License-Identifier: Apache-2.0
//
// Plan: the handle. resize in place, with a copy, refused; clear, reset, swap; detach and attach; all of it after the pool is gone; of
// small, coloured, large and huge slots. Slices and splits: slices_test.cpp.
#include "polder/pools/buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include "conformance/handles.hpp"
#include "polder/polder.hpp"
#include "support/marks.hpp"
#include "support/pattern.hpp"
#include "support/stats_checks.hpp"

namespace polder {
namespace {

using test::fill;
using test::first_difference;
using test::intact;
using test::size_max;
using test::sorts;

class Buffer : public test::handle_test {};

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
        test::mark(b.span(), 1);
        EXPECT_TRUE(test::is_marked(b.span(), 1));
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
        buffer_pool gone({.name = "gone", .committed_bytes_max = 256_MiB});
        for (const std::size_t size : sorts) kept.push_back(gone.acquire(size));
    }
    for (buffer& b : kept) {
        b.resize(b.capacity());
        test::mark(b.span(), 10);
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
