// SPDX-License-Identifier: Apache-2.0
//
// Of the pool suite: limits and bad input. The cap, and what is offered before it says no; the idle cap; absurd sizes; errors that name
// pool, request, limit and setting, and leave everything as it was.
#pragma once

#include <thread>

#include "conformance/pool_face.hpp"

namespace polder::test {

template <typename Face>
class PoolLimits : public PoolSuite<Face> {};
TYPED_TEST_SUITE_P(PoolLimits);

TYPED_TEST_P(PoolLimits, TheCapRefusesAndSaysWhy) {
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

TYPED_TEST_P(PoolLimits, MemoryIdleElsewhereIsFoundBeforeSayingExhausted) {
    using Face = TypeParam;
    const auto pool = Face::make({.committed_bytes_max = 16_MiB, .idle_bytes_max = 16_MiB});
    const std::size_t smallest = scaled<std::size_t>(1000, 64, 64);
    for (const std::size_t wanted : {smallest, std::size_t{3000}, 40_KiB, 1_MiB, 4_MiB, std::size_t{2000}}) {
        const std::size_t size = TestFixture::size_near(wanted);
        SCOPED_TRACE(size);
        auto all = TestFixture::until_exhausted(*pool, size);
        EXPECT_GE(Face::counts(*pool).in_use_bytes, 12_MiB) << "everything idle of the size before was offered";
        // Given back on another thread, and so perhaps into another CPU's cache.
        std::thread([&] { all.clear(); }).join();
    }
}

TYPED_TEST_P(PoolLimits, TryAcquireTellsTheReasonAndClearsItOnSuccess) {
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

TYPED_TEST_P(PoolLimits, AbsurdSizesAreRefusedAndChangeNothing) {
    using Face = TypeParam;
    constexpr std::size_t size_max = TestFixture::size_max;
    const auto pool = Face::make({.name = "sane", .committed_bytes_max = 64_MiB});
    auto held = TestFixture::marked(*pool, TestFixture::size_near(5000), 1);
    const pool_stats before = Face::counts(*pool);
    for (const std::size_t size :
         {std::size_t{0}, size_max, size_max - 62, size_max - 63, size_max - 64, size_max - 4_MiB, size_max - 4_MiB + 1,
          size_max - 4_MiB + 2, size_max / 2, size_max / 2 + 1, std::size_t{1} << 62, std::size_t{1} << 48, 64_MiB + 1}) {
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
                EXPECT_NE(text.find("committed_bytes_max"), std::string::npos) << text;
                EXPECT_EQ(caught.details().limit_bytes, 64_MiB);
                EXPECT_EQ(caught.details().setting, "committed_bytes_max");
            }
        }
    }
    expect_unchanged(before, Face::counts(*pool));
    TestFixture::expect_intact(held);
    EXPECT_NO_THROW(Face::acquire(*pool, TestFixture::size_near(5000)));
}

TYPED_TEST_P(PoolLimits, IdleMemoryStaysBelowItsCap) {
    using Face = TypeParam;
    const std::size_t smallest = scaled<std::size_t>(2000, 200, 200);
    const auto pool = Face::make({.idle_bytes_max = 8_MiB});
    for (const std::size_t wanted : {smallest, std::size_t{2048}, 64_KiB, 1_MiB, 6_MiB, 70_MiB}) {
        const std::size_t size = TestFixture::size_near(wanted);
        SCOPED_TRACE(size);
        std::vector<typename Face::handle> live;
        const std::size_t total = scaled<std::size_t>(12_MiB, 48_MiB, 200_MiB);
        for (std::size_t bytes = 0; bytes < total; bytes += size) live.push_back(Face::acquire(*pool, size));
        while (!live.empty()) {
            live.pop_back();
            if (live.size() % 1000 == 0) {
                EXPECT_LE(Face::counts(*pool).idle_bytes, 8_MiB);
            }
        }
        EXPECT_LE(Face::counts(*pool).idle_bytes, 8_MiB);
        expect_sums(Face::counts(*pool));
    }
}

TYPED_TEST_P(PoolLimits, TenThousandSizesStayWithinTheCaps) {
    using Face = TypeParam;
    if (TestFixture::has_one_size()) GTEST_SKIP() << "a face of one size";
    const auto pool = Face::make({.committed_bytes_max = 32_MiB, .idle_bytes_max = 16_MiB});
    const std::size_t count = scaled<std::size_t>(300, 10'000, 10'000);
    std::vector<typename TestFixture::owned> live(4);
    for (std::size_t i = 0; i != count; ++i) {
        auto& place = live[i % live.size()];
        if (i >= live.size()) {
            TestFixture::expect_intact(place);
        }
        Face::release(place.bytes);
        // Back and forth through all sizes, so that each step asks for memory that others have just used.
        const std::size_t k = i % 2 == 0 ? i : count - i;
        place = TestFixture::marked(*pool, 1 + k * (4_MiB - 1) / count, i);
        if (i % 500 == 0) {
            EXPECT_LE(Face::counts(*pool).idle_bytes, 16_MiB);
        }
    }
    const pool_stats s = Face::counts(*pool);
    EXPECT_EQ(s.acquisitions, count);
    EXPECT_EQ(s.exhausted, 0U);
    EXPECT_LE(s.committed_bytes_peak, 32_MiB);
    EXPECT_LE(s.idle_bytes, 16_MiB);
    expect_sums(s);
}

REGISTER_TYPED_TEST_SUITE_P(PoolLimits, TheCapRefusesAndSaysWhy, MemoryIdleElsewhereIsFoundBeforeSayingExhausted,
                            TryAcquireTellsTheReasonAndClearsItOnSuccess, AbsurdSizesAreRefusedAndChangeNothing,
                            IdleMemoryStaysBelowItsCap, TenThousandSizesStayWithinTheCaps);

}  // namespace polder::test
