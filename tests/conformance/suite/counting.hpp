// SPDX-License-Identifier: Apache-2.0
//
// Of the pool suite: counting. Exact after known sequences, in the pool and in its tiers; sums at any time; peaks.
#pragma once

#include "conformance/pool_face.hpp"

namespace polder::test {

template <typename Face>
class PoolCounting : public PoolSuite<Face> {};
TYPED_TEST_SUITE_P(PoolCounting);

TYPED_TEST_P(PoolCounting, CountsAreExact) {
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
    EXPECT_GE(full.growths, 1U);
    EXPECT_EQ(full.in_use_bytes_peak, full.in_use_bytes);
    EXPECT_EQ(full.committed_bytes_peak, full.committed_bytes);
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
    const pool_stats none = Face::counts(*pool);
    EXPECT_EQ(none.requested_bytes, 0U);
    EXPECT_EQ(none.in_use_bytes, 0U);
    EXPECT_EQ(none.idle_bytes, none.committed_bytes);
    EXPECT_EQ(none.committed_bytes_peak, full.committed_bytes_peak);
    EXPECT_EQ(none.exhausted, 0U);
    EXPECT_EQ(none.trimmed_bytes, 0U);
}

TYPED_TEST_P(PoolCounting, EachTierHasItsOwnLine) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    std::vector<typename Face::handle> live;
    for (const std::size_t wanted : {std::size_t{100}, 3_KiB, 50_KiB, 1_MiB}) {
        const std::size_t size = TestFixture::size_near(wanted);
        SCOPED_TRACE(size);
        const pool_stats before = Face::counts(*pool);
        for (int i = 0; i != 3; ++i) live.push_back(Face::acquire(*pool, size));
        live.pop_back();
        const pool_stats after = Face::counts(*pool);
        ASSERT_EQ(before.tiers.size(), after.tiers.size());
        std::size_t changed = 0;
        for (std::size_t i = 0; i != after.tiers.size(); ++i) {
            const tier_stats& was = before.tiers[i];
            const tier_stats& is = after.tiers[i];
            if (is.acquisitions == was.acquisitions) {
                EXPECT_EQ(is.buffers_in_use, was.buffers_in_use);
                EXPECT_EQ(is.releases, was.releases);
                continue;
            }
            ++changed;
            EXPECT_GE(is.slot_bytes, size);
            EXPECT_EQ(is.acquisitions, was.acquisitions + 3);
            EXPECT_EQ(is.releases, was.releases + 1);
            EXPECT_EQ(is.buffers_in_use, was.buffers_in_use + 2);
            EXPECT_EQ(is.requested_bytes, was.requested_bytes + 2 * size);
            EXPECT_EQ(is.in_use_bytes, was.in_use_bytes + 2 * is.slot_bytes);
            EXPECT_GE(is.idle_bytes, is.slot_bytes);
            EXPECT_GE(is.slabs, 1U);
            EXPECT_GE(is.slow_acquisitions, was.slow_acquisitions + (was.acquisitions == 0 ? 1U : 0U))
                << "the first is never a hit";
        }
        EXPECT_EQ(changed, 1U) << "three of one size came from one tier";
        expect_sums(after);
    }
}

TYPED_TEST_P(PoolCounting, CountsAddUpAtEveryStep) {
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

REGISTER_TYPED_TEST_SUITE_P(PoolCounting, CountsAreExact, EachTierHasItsOwnLine, CountsAddUpAtEveryStep);

}  // namespace polder::test
