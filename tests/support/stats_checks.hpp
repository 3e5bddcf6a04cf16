// SPDX-License-Identifier: Apache-2.0
//
// What is true of every pool_stats taken while nobody acquires or releases, and what a refused request must leave as it was.
#pragma once

#include <gtest/gtest.h>

#include "polder/observe/stats.hpp"

namespace polder::test {

/// The sums of stats.hpp.
inline void expect_sums(const pool_stats& s) {
    tier_stats sum;
    std::size_t last = 0;
    for (std::size_t i = 0; i != s.tiers.size(); ++i) {
        const tier_stats& t = s.tiers[i];
        EXPECT_LE(t.requested_bytes, t.in_use_bytes) << "tier " << t.slot_bytes;
        EXPECT_EQ(t.waste_bytes(), t.in_use_bytes - t.requested_bytes);
        EXPECT_EQ(t.committed_bytes(), t.in_use_bytes + t.idle_bytes);
        EXPECT_EQ(t.acquisitions - t.releases, t.buffers_in_use) << "tier " << t.slot_bytes;
        EXPECT_EQ(t.hits + t.slow_acquisitions, t.acquisitions) << "tier " << t.slot_bytes;
        if (t.slot_bytes != 0) {
            EXPECT_EQ(t.in_use_bytes, t.buffers_in_use * t.slot_bytes);
            EXPECT_EQ(t.idle_bytes % t.slot_bytes, 0U) << "tier " << t.slot_bytes;
            EXPECT_GT(t.slot_bytes, last);
            last = t.slot_bytes;
        } else {
            EXPECT_EQ(i + 1, s.tiers.size()) << "runs of their own length come last";
        }
        sum.requested_bytes += t.requested_bytes;
        sum.in_use_bytes += t.in_use_bytes;
        sum.idle_bytes += t.idle_bytes;
        sum.buffers_in_use += t.buffers_in_use;
        sum.acquisitions += t.acquisitions;
        sum.releases += t.releases;
        sum.hits += t.hits;
        sum.slow_acquisitions += t.slow_acquisitions;
        sum.refills += t.refills;
        sum.flushes += t.flushes;
    }
    EXPECT_EQ(s.requested_bytes, sum.requested_bytes);
    EXPECT_EQ(s.in_use_bytes, sum.in_use_bytes);
    EXPECT_EQ(s.idle_bytes, sum.idle_bytes + s.unassigned_idle_bytes);
    EXPECT_EQ(s.committed_bytes, s.in_use_bytes + s.idle_bytes);
    EXPECT_EQ(s.buffers_in_use, sum.buffers_in_use);
    EXPECT_EQ(s.acquisitions, sum.acquisitions);
    EXPECT_EQ(s.releases, sum.releases);
    EXPECT_EQ(s.hits, sum.hits);
    EXPECT_EQ(s.slow_acquisitions, sum.slow_acquisitions);
    EXPECT_EQ(s.refills, sum.refills);
    EXPECT_EQ(s.flushes, sum.flushes);
    EXPECT_LE(s.committed_bytes, s.committed_bytes_peak);
    EXPECT_LE(s.in_use_bytes, s.in_use_bytes_peak);
    EXPECT_LE(s.in_use_bytes_peak, s.committed_bytes_peak);
}

/// Who has what is the same; idle memory may have moved or gone.
inline void expect_same_holdings(const pool_stats& before, const pool_stats& after) {
    EXPECT_EQ(before.requested_bytes, after.requested_bytes);
    EXPECT_EQ(before.in_use_bytes, after.in_use_bytes);
    EXPECT_EQ(before.buffers_in_use, after.buffers_in_use);
    EXPECT_EQ(before.acquisitions, after.acquisitions);
    EXPECT_EQ(before.releases, after.releases);
    ASSERT_EQ(before.tiers.size(), after.tiers.size());
    for (std::size_t i = 0; i != before.tiers.size(); ++i) {
        EXPECT_EQ(before.tiers[i].in_use_bytes, after.tiers[i].in_use_bytes) << i;
        EXPECT_EQ(before.tiers[i].requested_bytes, after.tiers[i].requested_bytes) << i;
        EXPECT_EQ(before.tiers[i].acquisitions, after.tiers[i].acquisitions) << i;
    }
}

/// Nothing at all has changed, except that limits may have said no.
inline void expect_unchanged(const pool_stats& before, const pool_stats& after) {
    expect_same_holdings(before, after);
    EXPECT_EQ(before.idle_bytes, after.idle_bytes);
    EXPECT_EQ(before.committed_bytes, after.committed_bytes);
    EXPECT_EQ(before.unassigned_idle_bytes, after.unassigned_idle_bytes);
    EXPECT_EQ(before.committed_bytes_peak, after.committed_bytes_peak);
    EXPECT_EQ(before.slow_acquisitions, after.slow_acquisitions);
    EXPECT_EQ(before.refills, after.refills);
    EXPECT_EQ(before.flushes, after.flushes);
    EXPECT_EQ(before.growths, after.growths);
    EXPECT_EQ(before.recarves, after.recarves);
    EXPECT_EQ(before.trimmed_bytes, after.trimmed_bytes);
    EXPECT_EQ(before.drains, after.drains);
}

}  // namespace polder::test
