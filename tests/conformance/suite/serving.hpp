// SPDX-License-Identifier: Apache-2.0
//
// Of the pool suite: what is handed out. Every size, writable, aligned, disjoint; what came back serves again; handles move; one slab
// serves one size after another.
#pragma once

#include <thread>

#include "conformance/pool_face.hpp"
#include "support/pattern.hpp"

namespace polder::test {

template <typename Face>
class PoolServing : public PoolSuite<Face> {};
TYPED_TEST_SUITE_P(PoolServing);

TYPED_TEST_P(PoolServing, ServesEverySize) {
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
            mark(bytes, size);
            EXPECT_TRUE(is_marked(bytes, size));
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

TYPED_TEST_P(PoolServing, LiveBuffersAreDisjoint) {
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

TYPED_TEST_P(PoolServing, WhatComesBackServesAgain) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    for (const std::size_t wanted : {std::size_t{1}, std::size_t{2048}, 64_KiB, 1_MiB, 5_MiB, 70_MiB}) {
        const std::size_t size = TestFixture::size_near(wanted);
        SCOPED_TRACE(size);
        { const auto first = Face::acquire(*pool, size); }
        const pool_stats once = Face::counts(*pool);
        for (int i = 0; i != 1000; ++i) const auto again = Face::acquire(*pool, size);
        const pool_stats often = Face::counts(*pool);
        // A thread that moves between CPUs may find each CPU's cache empty once.
        const std::size_t cpus = std::thread::hardware_concurrency();
        EXPECT_LE(often.growths, once.growths + cpus);
        EXPECT_LE(often.committed_bytes, once.committed_bytes + cpus * std::max<std::size_t>(once.committed_bytes, 1_MiB));
        EXPECT_EQ(often.acquisitions, once.acquisitions + 1000);
        EXPECT_EQ(often.releases, once.releases + 1000);
    }
}

TYPED_TEST_P(PoolServing, HandlesMove) {
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

TYPED_TEST_P(PoolServing, OneSlabServesOneSizeAfterAnother) {
    using Face = TypeParam;
    if (TestFixture::has_one_size()) GTEST_SKIP() << "a face of one size";
    const auto pool = Face::make({.committed_bytes_max = 4_MiB, .idle_bytes_max = 4_MiB});
    const std::size_t large = TestFixture::size_near(4_MiB);
    const std::size_t small = TestFixture::size_near(8_KiB);
    auto whole = Face::acquire(*pool, large);
    const std::byte* const begin = Face::bytes(whole).data();
    Face::release(whole);
    for (int round = 0; round != 3; ++round) {
        {
            std::vector<typename TestFixture::owned> parts;
            for (auto& handle : TestFixture::until_exhausted(*pool, small)) {
                parts.push_back({std::move(handle), 0});
                parts.back().renew(parts.size());
            }
            EXPECT_GE(parts.size() * small, 3_MiB);
            if (small == 8_KiB) {
                EXPECT_EQ(parts.size(), 512U);
            }
            for (auto& part : parts) {
                TestFixture::expect_intact(part);
                EXPECT_GE(Face::bytes(part.bytes).data(), begin);
                EXPECT_LT(Face::bytes(part.bytes).data(), begin + 4_MiB);
            }
            std::error_code error;
            const auto none = Face::try_acquire(*pool, large, error);
            EXPECT_EQ(error, errc::exhausted);
        }
        auto again = TestFixture::marked(*pool, large, 1000);
        EXPECT_EQ(Face::bytes(again.bytes).data(), begin) << "the same 4 MiB";
        TestFixture::expect_intact(again);
    }
    EXPECT_LE(Face::counts(*pool).committed_bytes_peak, 4_MiB);
    expect_sums(Face::counts(*pool));
}

REGISTER_TYPED_TEST_SUITE_P(PoolServing, ServesEverySize, LiveBuffersAreDisjoint, WhatComesBackServesAgain, HandlesMove,
                            OneSlabServesOneSizeAfterAnother);

}  // namespace polder::test
