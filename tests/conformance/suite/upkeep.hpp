// SPDX-License-Identifier: Apache-2.0
//
// Of the pool suite: giving memory back. trim, to the byte, seen by the system too; drain.
#pragma once

#include "conformance/pool_face.hpp"
#include "support/memory.hpp"
#include "support/pattern.hpp"

namespace polder::test {

template <typename Face>
class PoolUpkeep : public PoolSuite<Face> {};
TYPED_TEST_SUITE_P(PoolUpkeep);

TYPED_TEST_P(PoolUpkeep, TrimGivesAllIdleMemoryBack) {
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
    EXPECT_EQ(Face::trim(*pool, TestFixture::size_max), 0U) << "all of it may stay";
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

TYPED_TEST_P(PoolUpkeep, TrimTakesWhatLiesBetweenBuffersInUse) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    const std::size_t size = TestFixture::size_near(16_KiB);
    std::vector<typename TestFixture::owned> kept;
    {
        std::vector<typename TestFixture::owned> between;
        for (std::uint64_t i = 0; i != scaled<std::uint64_t>(200, 2000, 2000); ++i)
            (i % 3 == 0 ? kept : between).push_back(TestFixture::marked(*pool, size, i));
    }
    Face::trim(*pool, 0);
    const pool_stats after = Face::counts(*pool);
    EXPECT_EQ(after.buffers_in_use, kept.size());
    // Idle slots that share a page with one in use keep their memory; no more than those.
    EXPECT_LE(after.idle_bytes, kept.size() * 2 * 4096);
    for (auto& o : kept) TestFixture::expect_intact(o);
    expect_sums(after);
}

TYPED_TEST_P(PoolUpkeep, TheSystemGetsTheMemoryThatTrimGives) {
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

TYPED_TEST_P(PoolUpkeep, DrainKeepsEverythingIdle) {
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

REGISTER_TYPED_TEST_SUITE_P(PoolUpkeep, TrimGivesAllIdleMemoryBack, TrimTakesWhatLiesBetweenBuffersInUse,
                            TheSystemGetsTheMemoryThatTrimGives, DrainKeepsEverythingIdle);

}  // namespace polder::test
