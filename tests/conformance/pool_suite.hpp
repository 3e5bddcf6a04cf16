// SPDX-License-Identifier: Apache-2.0
//
// The contract of a pool, as one typed suite. Every face of an arena instantiates it through an adapter, a `pool_face`:
//
//     struct my_face { …the members that the concept names… };
//     INSTANTIATE_TYPED_TEST_SUITE_P(Mine, PoolSuite, my_face);
//
// Plan: what is handed out (size, alignment, writable, disjoint); coming back (reuse, moves, other threads, after the pool); counting
// (exact after known sequences, sums at any time); limits (cap, idle cap, errors that name what is needed, strong guarantee); giving
// memory back (trim, drain, clear; seen by the system too); one slab serving one size after another.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "polder/base/error.hpp"
#include "polder/base/units.hpp"
#include "polder/observe/stats.hpp"
#include "support/memory.hpp"
#include "support/pattern.hpp"
#include "support/random.hpp"
#include "support/scale.hpp"
#include "support/stats_checks.hpp"

namespace polder::test {

/// What every face can be told. A face may give a pool more room than asked for, never less.
struct pool_settings {
    std::string name = "suite";
    std::size_t committed_bytes_max = 256_MiB;
    std::size_t idle_bytes_max = 256_MiB;
};

template <typename Face>
concept pool_face = requires(typename Face::pool& pool, typename Face::handle& handle, std::size_t size, std::error_code& error) {
    requires std::movable<typename Face::handle> && std::default_initializable<typename Face::handle>;
    requires !std::copyable<typename Face::handle>;
    { Face::make(pool_settings{}) } -> std::same_as<std::unique_ptr<typename Face::pool>>;
    { Face::acquire(pool, size) } -> std::same_as<typename Face::handle>;              // throws polder::error
    { Face::try_acquire(pool, size, error) } -> std::same_as<typename Face::handle>;   // does not
    { Face::bytes(handle) } -> std::same_as<std::span<std::byte>>;                     // empty when it owns nothing
    { Face::release(handle) };                                                         // harmless on an empty handle
    { Face::counts(pool) } -> std::same_as<pool_stats>;
    { Face::trim(pool, size) } -> std::same_as<std::size_t>;
    { Face::drain(pool) };
    { Face::sizes() } -> std::same_as<std::vector<std::size_t>>;  // what the face serves, small to large
    { Face::handles_outlive_pool } -> std::convertible_to<bool>;
};

template <pool_face Face>
class PoolSuite : public ::testing::Test {
protected:
    using pool_type = typename Face::pool;
    using handle = typename Face::handle;

    struct owned {
        handle bytes;
        std::uint64_t key;
    };

    static owned marked(pool_type& pool, std::size_t size, std::uint64_t key) {
        owned made{Face::acquire(pool, size), key};
        fill_sparsely(Face::bytes(made.bytes), key);
        return made;
    }
    static void expect_intact(owned& o) { EXPECT_EQ(first_sparse_difference(Face::bytes(o.bytes), o.key), intact) << "key " << o.key; }

    /// One of the face's sizes that is at most `most`.
    static std::size_t some_size(random& random, std::size_t most) {
        const auto sizes = Face::sizes();
        const auto end = std::upper_bound(sizes.begin(), sizes.end(), most);
        return sizes[random.below(static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(end - sizes.begin(), 1)))];
    }
    /// The face's largest size that is at most `most`.
    static std::size_t size_near(std::size_t most) {
        const auto sizes = Face::sizes();
        const auto end = std::upper_bound(sizes.begin(), sizes.end(), most);
        return end == sizes.begin() ? sizes.front() : *(end - 1);
    }
    /// As many handles of `size` as the pool will give.
    static std::vector<handle> until_exhausted(pool_type& pool, std::size_t size) {
        std::vector<handle> all;
        for (;;) {
            std::error_code error;
            handle h = Face::try_acquire(pool, size, error);
            if (error) {
                EXPECT_EQ(error, errc::exhausted);
                return all;
            }
            all.push_back(std::move(h));
        }
    }
};

TYPED_TEST_SUITE_P(PoolSuite);

TYPED_TEST_P(PoolSuite, ServesEverySize) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    for (const std::size_t size : Face::sizes()) {
        SCOPED_TRACE(size);
        auto handle = Face::acquire(*pool, size);
        const std::span<std::byte> bytes = Face::bytes(handle);
        ASSERT_NE(bytes.data(), nullptr);
        EXPECT_EQ(bytes.size(), size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % 64, 0U);
        if (size <= scaled<std::size_t>(16_KiB, 8_MiB, 256_MiB)) {
            fill(bytes, size);
            EXPECT_EQ(first_difference(bytes, size), intact);
        } else {
            fill_sparsely(bytes, size);
            EXPECT_EQ(first_sparse_difference(bytes, size), intact);
        }
        const pool_stats during = Face::counts(*pool);
        EXPECT_EQ(during.buffers_in_use, 1U);
        EXPECT_EQ(during.requested_bytes, size);
        EXPECT_GE(during.in_use_bytes, size);
        expect_sums(during);
        Face::release(handle);
        EXPECT_TRUE(Face::bytes(handle).empty());
        EXPECT_EQ(Face::counts(*pool).buffers_in_use, 0U);
    }
}

TYPED_TEST_P(PoolSuite, LiveBuffersAreDisjoint) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    random random;
    std::vector<typename TestFixture::owned> live;
    for (std::uint64_t key = 1; key <= scaled<std::uint64_t>(60, 400, 1000); ++key)
        live.push_back(TestFixture::marked(*pool, TestFixture::some_size(random, 300_KiB), key));
    std::vector<std::span<std::byte>> spans;
    for (auto& o : live) {
        TestFixture::expect_intact(o);
        spans.push_back(Face::bytes(o.bytes));
    }
    std::sort(spans.begin(), spans.end(), [](auto a, auto b) { return a.data() < b.data(); });
    for (std::size_t i = 1; i < spans.size(); ++i) EXPECT_LE(spans[i - 1].data() + spans[i - 1].size(), spans[i].data());
}

TYPED_TEST_P(PoolSuite, WhatComesBackServesAgain) {
    using Face = TypeParam;
    for (const std::size_t wanted : {std::size_t{1}, std::size_t{2048}, std::size_t{64_KiB}, std::size_t{1_MiB}, std::size_t{5_MiB}, std::size_t{70_MiB}}) {
        const auto pool = Face::make({});
        const std::size_t size = TestFixture::size_near(wanted);
        SCOPED_TRACE(size);
        { const auto first = Face::acquire(*pool, size); }
        const pool_stats once = Face::counts(*pool);
        for (int i = 0; i != 1000; ++i) const auto again = Face::acquire(*pool, size);
        const pool_stats often = Face::counts(*pool);
        // A thread that moves between CPUs may find each CPU's cache empty once.
        EXPECT_LE(often.growths, once.growths + std::thread::hardware_concurrency());
        EXPECT_LE(often.committed_bytes, once.committed_bytes + std::thread::hardware_concurrency() * std::max<std::size_t>(once.committed_bytes, 1_MiB));
        EXPECT_EQ(often.acquisitions, 1001U);
        EXPECT_EQ(often.releases, 1001U);
    }
}

TYPED_TEST_P(PoolSuite, HandlesMove) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    const std::size_t size = TestFixture::size_near(1000);
    auto a = Face::acquire(*pool, size);
    const std::byte* const where = Face::bytes(a).data();
    auto b = std::move(a);
    EXPECT_TRUE(Face::bytes(a).empty());  // NOLINT: a moved-from handle is empty, that is the contract
    EXPECT_EQ(Face::bytes(b).data(), where);
    auto c = Face::acquire(*pool, size);
    EXPECT_EQ(Face::counts(*pool).buffers_in_use, 2U);
    c = std::move(b);
    EXPECT_EQ(Face::bytes(c).data(), where);
    EXPECT_EQ(Face::counts(*pool).buffers_in_use, 1U) << "what an assigned handle had went home";
    auto& self = c;
    c = std::move(self);
    EXPECT_EQ(Face::bytes(c).data(), where) << "assigned to itself";
    Face::release(c);
    Face::release(c);
    Face::release(a);
    EXPECT_EQ(Face::counts(*pool).buffers_in_use, 0U);
    EXPECT_EQ(Face::counts(*pool).releases, 2U);
}

TYPED_TEST_P(PoolSuite, CountsAreExact) {
    using Face = TypeParam;
    const auto pool = Face::make({.name = "counted"});
    EXPECT_EQ(Face::counts(*pool).name, "counted");
    EXPECT_EQ(Face::counts(*pool).committed_bytes, 0U) << "nothing was asked for yet";
    const std::size_t small = TestFixture::size_near(100);
    const std::size_t large = TestFixture::size_near(100'000);
    std::vector<typename Face::handle> smalls, larges;
    for (int i = 0; i != 10; ++i) smalls.push_back(Face::acquire(*pool, small));
    for (int i = 0; i != 5; ++i) larges.push_back(Face::acquire(*pool, large));
    const pool_stats full = Face::counts(*pool);
    expect_sums(full);
    EXPECT_EQ(full.requested_bytes, 10 * small + 5 * large);
    EXPECT_EQ(full.buffers_in_use, 15U);
    EXPECT_EQ(full.acquisitions, 15U);
    EXPECT_EQ(full.releases, 0U);
    EXPECT_EQ(full.in_use_bytes_peak, full.in_use_bytes);
    smalls.resize(6);
    larges.clear();
    const pool_stats fewer = Face::counts(*pool);
    expect_sums(fewer);
    EXPECT_EQ(fewer.requested_bytes, 6 * small);
    EXPECT_EQ(fewer.acquisitions, 15U);
    EXPECT_EQ(fewer.releases, 9U);
    EXPECT_EQ(fewer.in_use_bytes_peak, full.in_use_bytes);
    EXPECT_EQ(fewer.committed_bytes, full.committed_bytes) << "idle memory stays below its cap";
    smalls.clear();
    EXPECT_EQ(Face::counts(*pool).requested_bytes, 0U);
    EXPECT_EQ(Face::counts(*pool).in_use_bytes, 0U);
}

TYPED_TEST_P(PoolSuite, CountsAddUpAtEveryStep) {
    using Face = TypeParam;
    const auto pool = Face::make({.committed_bytes_max = 64_MiB, .idle_bytes_max = 8_MiB});
    random random;
    std::vector<typename Face::handle> live;
    std::uint64_t acquired = 0, refused = 0, requested = 0;
    for (std::size_t i = 0; i != scaled(1500); ++i) {
        if (random.below(100) < 55) {
            std::error_code error;
            const std::size_t size = TestFixture::some_size(random, 4_MiB);
            auto h = Face::try_acquire(*pool, size, error);
            if (error) {
                ASSERT_EQ(error, errc::exhausted);
                ++refused;
            } else {
                live.push_back(std::move(h));
                ++acquired;
                requested += size;
            }
        } else if (!live.empty()) {
            const std::size_t k = random.below(live.size());
            requested -= Face::bytes(live[k]).size();
            std::swap(live[k], live.back());
            live.pop_back();
        }
        if (random.one_in(50)) Face::trim(*pool, random.below(16_MiB));
        if (random.one_in(50)) Face::drain(*pool);
        if (random.one_in(10)) {
            const pool_stats s = Face::counts(*pool);
            expect_sums(s);
            ASSERT_EQ(s.acquisitions, acquired);
            ASSERT_EQ(s.buffers_in_use, live.size());
            ASSERT_EQ(s.requested_bytes, requested);
            ASSERT_EQ(s.exhausted, refused);
            ASSERT_LE(s.committed_bytes_peak, 64_MiB);
            ASSERT_LE(s.idle_bytes, 8_MiB + 0U);
        }
    }
}

TYPED_TEST_P(PoolSuite, TheCapRefusesAndSaysWhy) {
    using Face = TypeParam;
    const auto pool = Face::make({.name = "small house", .committed_bytes_max = 16_MiB, .idle_bytes_max = 16_MiB});
    const std::size_t size = TestFixture::size_near(1_MiB);
    auto all = TestFixture::until_exhausted(*pool, size);
    ASSERT_FALSE(all.empty());
    const pool_stats before = Face::counts(*pool);
    EXPECT_LE(before.committed_bytes, 16_MiB);
    EXPECT_LE(before.committed_bytes_peak, 16_MiB);
    EXPECT_GT(before.in_use_bytes + size, 12_MiB) << "refused long before the cap";
    EXPECT_EQ(before.exhausted, 1U);
    try {
        const auto one_more = Face::acquire(*pool, size);
        FAIL() << "not refused";
    } catch (const exhausted& caught) {
        const std::string text = caught.what();
        EXPECT_NE(text.find("small house"), std::string::npos) << text;
        EXPECT_NE(text.find(format_bytes(size)), std::string::npos) << text;
        EXPECT_NE(text.find("committed_bytes_max"), std::string::npos) << text;
        EXPECT_NE(text.find("16 MiB"), std::string::npos) << text;
        EXPECT_EQ(caught.code(), errc::exhausted);
        const error_details& details = caught.details();
        EXPECT_EQ(details.pool, "small house");
        EXPECT_EQ(details.request_bytes, size);
        EXPECT_EQ(details.limit_bytes, 16_MiB);
        EXPECT_EQ(details.in_use_bytes, before.in_use_bytes);
        EXPECT_EQ(details.setting, "committed_bytes_max");
        ASSERT_FALSE(details.holders.empty());
        EXPECT_LE(details.holders.size(), 3U);
        EXPECT_NE(details.holders[0].name.find("small house"), std::string::npos);
        EXPECT_GT(details.holders[0].buffers, 0U);
        EXPECT_TRUE(std::is_sorted(details.holders.begin(), details.holders.end(),
                                   [](const holder& a, const holder& b) { return a.in_use_bytes > b.in_use_bytes; }));
    }
    const pool_stats after = Face::counts(*pool);
    expect_same_holdings(before, after);
    expect_sums(after);
    EXPECT_EQ(after.exhausted, 2U);
    // The pool works on: a place that was given back serves the same request, on and on.
    for (int i = 0; i != 100; ++i) {
        Face::release(all.front());
        all.front() = Face::acquire(*pool, size);
    }
    const std::size_t count = all.size();
    all.clear();
    EXPECT_EQ(TestFixture::until_exhausted(*pool, size).size(), count);
}

TYPED_TEST_P(PoolSuite, MemoryIdleElsewhereIsFoundBeforeSayingExhausted) {
    using Face = TypeParam;
    const auto pool = Face::make({.committed_bytes_max = 16_MiB, .idle_bytes_max = 16_MiB});
    for (const std::size_t wanted : {std::size_t{64}, std::size_t{3000}, std::size_t{40_KiB}, std::size_t{1_MiB}, std::size_t{4_MiB}, std::size_t{500}}) {
        const std::size_t size = TestFixture::size_near(wanted);
        SCOPED_TRACE(size);
        auto all = TestFixture::until_exhausted(*pool, size);
        EXPECT_GE(Face::counts(*pool).in_use_bytes, 12_MiB) << "everything idle of the size before was offered";
        // Given back on another thread, and so perhaps into another CPU's cache.
        std::thread([&] { all.clear(); }).join();
    }
}

TYPED_TEST_P(PoolSuite, TryAcquireTellsTheReasonAndClearsItOnSuccess) {
    using Face = TypeParam;
    const auto pool = Face::make({.committed_bytes_max = 8_MiB, .idle_bytes_max = 8_MiB});
    std::error_code error = make_error_code(errc::invalid_option);
    const std::size_t size = TestFixture::size_near(1000);
    auto h = Face::try_acquire(*pool, size, error);
    EXPECT_FALSE(error);
    EXPECT_EQ(Face::bytes(h).size(), size);
    const auto rest = TestFixture::until_exhausted(*pool, size);
    auto none = Face::try_acquire(*pool, size, error);
    EXPECT_EQ(error, errc::exhausted);
    EXPECT_EQ(error, std::errc::no_buffer_space);
    EXPECT_TRUE(Face::bytes(none).empty());
    Face::release(none);
    // Again through the cache: the fast path clears the reason too.
    Face::release(h);
    h = Face::try_acquire(*pool, size, error);
    EXPECT_FALSE(error);
}

TYPED_TEST_P(PoolSuite, AbsurdSizesAreRefusedAndChangeNothing) {
    using Face = TypeParam;
    constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();
    const auto pool = Face::make({.name = "sane", .committed_bytes_max = 64_MiB});
    const auto held = Face::acquire(*pool, TestFixture::size_near(5000));
    const pool_stats before = Face::counts(*pool);
    for (const std::size_t size : {std::size_t{0}, size_max, size_max - 62, size_max - 63, size_max - 64, size_max - 4_MiB, size_max - 4_MiB + 2, size_max / 2,
                                   size_max / 2 + 1, std::size_t{1} << 48, 64_MiB + 1}) {
        SCOPED_TRACE(size);
        std::error_code error;
        auto none = Face::try_acquire(*pool, size, error);
        EXPECT_EQ(error, errc::invalid_size);
        EXPECT_TRUE(Face::bytes(none).empty());
        try {
            const auto h = Face::acquire(*pool, size);
            ADD_FAILURE() << "not refused";
        } catch (const invalid_size& caught) {
            const std::string text = caught.what();
            EXPECT_NE(text.find("sane"), std::string::npos) << text;
            EXPECT_NE(text.find(format_bytes(size)), std::string::npos) << text;
            EXPECT_EQ(caught.details().pool, "sane");
            EXPECT_EQ(caught.details().request_bytes, size);
            if (size != 0) {
                EXPECT_NE(text.find("64 MiB"), std::string::npos) << text;
                EXPECT_EQ(caught.details().limit_bytes, 64_MiB);
                EXPECT_EQ(caught.details().setting, "committed_bytes_max");
            }
        }
    }
    expect_unchanged(before, Face::counts(*pool));
    EXPECT_NO_THROW(Face::acquire(*pool, TestFixture::size_near(5000)));
}

TYPED_TEST_P(PoolSuite, IdleMemoryStaysBelowItsCap) {
    using Face = TypeParam;
    for (const std::size_t wanted : {std::size_t{200}, std::size_t{2048}, std::size_t{64_KiB}, std::size_t{1_MiB}, std::size_t{6_MiB}, std::size_t{70_MiB}}) {
        const auto pool = Face::make({.idle_bytes_max = 8_MiB});
        const std::size_t size = TestFixture::size_near(wanted);
        SCOPED_TRACE(size);
        std::vector<typename Face::handle> live;
        for (std::size_t bytes = 0; bytes < scaled<std::size_t>(16_MiB, 96_MiB, 200_MiB); bytes += size) live.push_back(Face::acquire(*pool, size));
        while (!live.empty()) {
            live.pop_back();
            if (live.size() % 1000 == 0) { EXPECT_LE(Face::counts(*pool).idle_bytes, 8_MiB); }
        }
        EXPECT_LE(Face::counts(*pool).idle_bytes, 8_MiB);
        expect_sums(Face::counts(*pool));
    }
}

TYPED_TEST_P(PoolSuite, TrimGivesAllIdleMemoryBack) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    random random;
    auto held = TestFixture::marked(*pool, TestFixture::size_near(256_KiB), 7);
    {
        std::vector<typename Face::handle> live;
        for (std::size_t i = 0; i != scaled(300); ++i) live.push_back(Face::acquire(*pool, TestFixture::some_size(random, 1_MiB)));
    }
    const pool_stats before = Face::counts(*pool);
    EXPECT_GT(before.idle_bytes, 0U);
    EXPECT_EQ(Face::trim(*pool, std::numeric_limits<std::size_t>::max()), 0U) << "all of it may stay";
    EXPECT_EQ(Face::counts(*pool).committed_bytes, before.committed_bytes);
    const std::size_t keep = before.idle_bytes / 2;
    const std::size_t given = Face::trim(*pool, keep);
    const pool_stats half = Face::counts(*pool);
    EXPECT_EQ(before.committed_bytes - half.committed_bytes, given);
    EXPECT_LE(half.idle_bytes, keep);
    const std::size_t rest = Face::trim(*pool, 0);
    const pool_stats after = Face::counts(*pool);
    EXPECT_EQ(half.committed_bytes - after.committed_bytes, rest);
    EXPECT_EQ(after.idle_bytes, 0U);
    EXPECT_EQ(after.committed_bytes, after.in_use_bytes);
    EXPECT_EQ(after.trimmed_bytes, given + rest);
    expect_sums(after);
    EXPECT_EQ(Face::trim(*pool, 0), 0U) << "nothing is left";
    TestFixture::expect_intact(held);
    Face::release(held.bytes);
    Face::trim(*pool, 0);
    EXPECT_EQ(Face::counts(*pool).committed_bytes, 0U);
    // And it is there again when wanted.
    auto again = TestFixture::marked(*pool, TestFixture::size_near(256_KiB), 8);
    TestFixture::expect_intact(again);
}

TYPED_TEST_P(PoolSuite, TheSystemGetsTheMemoryThatTrimGives) {
    using Face = TypeParam;
    if (sanitized() || current_scale() == scale::small) GTEST_SKIP() << "resident memory means nothing here";
    const auto pool = Face::make({});
    const std::size_t size = TestFixture::size_near(64_KiB);
    std::vector<typename Face::handle> live;
    for (std::size_t bytes = 0; bytes < 128_MiB; bytes += size) {
        live.push_back(Face::acquire(*pool, size));
        fill(Face::bytes(live.back()), 3);
    }
    const std::size_t full = resident_bytes();
    live.clear();
    Face::trim(*pool, 0);
    EXPECT_LT(resident_bytes() + 112_MiB, full);
}

TYPED_TEST_P(PoolSuite, DrainKeepsEverythingIdle) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    {
        std::vector<typename Face::handle> live;
        for (int i = 0; i != 100; ++i) live.push_back(Face::acquire(*pool, TestFixture::size_near(2048)));
    }
    const pool_stats before = Face::counts(*pool);
    Face::drain(*pool);
    Face::drain(*pool);
    const pool_stats after = Face::counts(*pool);
    expect_same_holdings(before, after);
    EXPECT_EQ(before.idle_bytes, after.idle_bytes);
    EXPECT_EQ(before.committed_bytes, after.committed_bytes);
    expect_sums(after);
}

TYPED_TEST_P(PoolSuite, HandlesOutliveThePool) {
    using Face = TypeParam;
    if constexpr (!Face::handles_outlive_pool) {
        GTEST_SKIP() << "this face's handles need their pool";
    } else {
        auto pool = Face::make({});
        random random;
        std::vector<typename TestFixture::owned> live;
        for (std::uint64_t key = 0; key != 100; ++key) live.push_back(TestFixture::marked(*pool, TestFixture::some_size(random, 6_MiB), key));
        live.push_back(TestFixture::marked(*pool, TestFixture::size_near(70_MiB), 1000));
        pool.reset();
        for (auto& o : live) {
            TestFixture::expect_intact(o);
            o.key += 500;
            fill_sparsely(Face::bytes(o.bytes), o.key);
        }
        for (auto& o : live) TestFixture::expect_intact(o);
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t != 4; ++t)
            threads.emplace_back([&live, t] {
                for (std::size_t i = t; i < live.size(); i += 4) {
                    TestFixture::expect_intact(live[i]);
                    Face::release(live[i].bytes);
                }
            });
        for (auto& thread : threads) thread.join();
    }
}

TYPED_TEST_P(PoolSuite, ThePoolMayGoWhileOthersRelease) {
    using Face = TypeParam;
    if constexpr (!Face::handles_outlive_pool) {
        GTEST_SKIP() << "this face's handles need their pool";
    } else {
        for (std::size_t round = 0; round != scaled(200); ++round) {
            auto pool = Face::make({});
            std::vector<std::vector<typename Face::handle>> shares(3);
            for (auto& mine : shares)
                for (int i = 0; i != 20; ++i) mine.push_back(Face::acquire(*pool, TestFixture::size_near(i % 2 == 0 ? 500 : 50'000)));
            std::vector<std::thread> threads;
            for (auto& mine : shares) threads.emplace_back([&mine] { mine.clear(); });
            pool.reset();
            for (auto& thread : threads) thread.join();
        }
    }
}

TYPED_TEST_P(PoolSuite, AnyThreadMayRelease) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    random random;
    std::vector<typename TestFixture::owned> live;
    for (std::uint64_t key = 0; key != 200; ++key) live.push_back(TestFixture::marked(*pool, TestFixture::some_size(random, 200_KiB), key));
    std::thread([&] {
        for (auto& o : live) TestFixture::expect_intact(o);
        live.clear();
    }).join();
    const pool_stats s = Face::counts(*pool);
    EXPECT_EQ(s.buffers_in_use, 0U);
    EXPECT_EQ(s.releases, 200U);
    expect_sums(s);
}

TYPED_TEST_P(PoolSuite, ManyThreadsAtOnce) {
    using Face = TypeParam;
    const auto pool = Face::make({.committed_bytes_max = 128_MiB, .idle_bytes_max = 16_MiB});
    constexpr unsigned thread_count = 8;
    const std::size_t rounds = scaled(4000);
    std::vector<std::uint64_t> acquired(thread_count);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t != thread_count; ++t)
        threads.emplace_back([&, t] {
            auto random = random::for_thread(t);
            std::vector<typename TestFixture::owned> live;
            for (std::size_t i = 0; i != rounds; ++i) {
                if (live.size() < 20 && random.one_in(2)) {
                    std::error_code error;
                    const std::uint64_t key = (std::uint64_t{t} << 32) + i;
                    auto h = Face::try_acquire(*pool, TestFixture::some_size(random, 200_KiB), error);
                    if (error) continue;
                    fill_sparsely(Face::bytes(h), key);
                    live.push_back({std::move(h), key});
                    ++acquired[t];
                } else if (!live.empty()) {
                    const std::size_t k = random.below(live.size());
                    TestFixture::expect_intact(live[k]);
                    std::swap(live[k], live.back());
                    live.pop_back();
                }
                if (random.one_in(1000)) Face::trim(*pool, 0);
                if (random.one_in(1000)) Face::drain(*pool);
            }
            for (auto& o : live) TestFixture::expect_intact(o);
        });
    for (auto& thread : threads) thread.join();
    std::uint64_t sum = 0;
    for (const std::uint64_t n : acquired) sum += n;
    const pool_stats s = Face::counts(*pool);
    EXPECT_EQ(s.acquisitions, sum);
    EXPECT_EQ(s.releases, sum);
    EXPECT_EQ(s.in_use_bytes, 0U);
    EXPECT_LE(s.committed_bytes_peak, 128_MiB);
    expect_sums(s);
}

TYPED_TEST_P(PoolSuite, OneSlabServesOneSizeAfterAnother) {
    using Face = TypeParam;
    const auto pool = Face::make({.committed_bytes_max = 4_MiB, .idle_bytes_max = 4_MiB});
    const std::size_t large = TestFixture::size_near(4_MiB);
    const std::size_t small = TestFixture::size_near(8_KiB);
    if (large == small) GTEST_SKIP() << "a face of one size";
    auto whole = Face::acquire(*pool, large);
    const std::byte* const begin = Face::bytes(whole).data();
    Face::release(whole);
    {
        std::vector<typename TestFixture::owned> parts;
        for (std::uint64_t i = 0; i != 4_MiB / small; ++i) parts.push_back(TestFixture::marked(*pool, small, i));
        for (auto& part : parts) {
            TestFixture::expect_intact(part);
            EXPECT_GE(Face::bytes(part.bytes).data(), begin);
            EXPECT_LT(Face::bytes(part.bytes).data(), begin + 4_MiB);
        }
        std::error_code error;
        const auto none = Face::try_acquire(*pool, large, error);
        EXPECT_EQ(error, errc::exhausted);
    }
    whole = Face::acquire(*pool, large);
    EXPECT_EQ(Face::bytes(whole).data(), begin) << "the same 4 MiB";
    EXPECT_LE(Face::counts(*pool).committed_bytes_peak, 4_MiB);
    expect_sums(Face::counts(*pool));
}

TYPED_TEST_P(PoolSuite, TenThousandSizesStayWithinTheCap) {
    using Face = TypeParam;
    const auto pool = Face::make({.committed_bytes_max = 32_MiB, .idle_bytes_max = 16_MiB});
    const auto sizes = Face::sizes();
    const std::size_t top = TestFixture::size_near(4_MiB);
    const std::size_t count = scaled<std::size_t>(500, 10'000, 10'000);
    const bool any_size = sizes.size() > 1;
    std::vector<typename Face::handle> live(4);
    for (std::size_t i = 0; i != count; ++i) {
        const std::size_t size = any_size ? 1 + i * (top - 1) / count : sizes.front();
        auto& place = live[i % live.size()];
        Face::release(place);
        place = Face::acquire(*pool, size);
        fill_sparsely(Face::bytes(place), i);
    }
    const pool_stats s = Face::counts(*pool);
    EXPECT_EQ(s.acquisitions, count);
    EXPECT_LE(s.committed_bytes_peak, 32_MiB);
    EXPECT_LE(s.idle_bytes, 16_MiB);
    expect_sums(s);
}

REGISTER_TYPED_TEST_SUITE_P(PoolSuite, ServesEverySize, LiveBuffersAreDisjoint, WhatComesBackServesAgain, HandlesMove, CountsAreExact,
                            CountsAddUpAtEveryStep, TheCapRefusesAndSaysWhy, MemoryIdleElsewhereIsFoundBeforeSayingExhausted,
                            TryAcquireTellsTheReasonAndClearsItOnSuccess, AbsurdSizesAreRefusedAndChangeNothing, IdleMemoryStaysBelowItsCap,
                            TrimGivesAllIdleMemoryBack, TheSystemGetsTheMemoryThatTrimGives, DrainKeepsEverythingIdle, HandlesOutliveThePool,
                            ThePoolMayGoWhileOthersRelease, AnyThreadMayRelease, ManyThreadsAtOnce, OneSlabServesOneSizeAfterAnother,
                            TenThousandSizesStayWithinTheCap);

}  // namespace polder::test
