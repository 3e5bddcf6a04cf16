// SPDX-License-Identifier: Apache-2.0
#include "polder/observe/stats.hpp"

#include <algorithm>

#include "polder/core/arena.hpp"

namespace polder {

pool_stats collect_stats(core::arena& arena) {
    const core::census census = arena.take_census();
    pool_stats pool;
    pool.name = arena.name();
    for (const core::class_census& c : census.classes) {
        tier_stats tier;
        tier.slot_bytes = c.slot_bytes;
        tier.requested_bytes = c.requested_bytes;
        tier.in_use_bytes = c.held_bytes;
        tier.idle_bytes = c.cached_bytes + c.free_warm_bytes;
        tier.buffers_in_use = c.held;
        tier.slabs = c.slabs;
        tier.acquisitions = c.acquisitions;
        tier.releases = c.acquisitions - std::min(c.held, c.acquisitions);
        // Counted after the words: an acquisition in between must not make a negative number of hits.
        tier.slow_acquisitions = std::min(c.slow_acquisitions, c.acquisitions);
        tier.hits = c.acquisitions - tier.slow_acquisitions;
        tier.refills = c.refills;
        tier.flushes = c.flushes;

        pool.requested_bytes += tier.requested_bytes;
        pool.in_use_bytes += tier.in_use_bytes;
        pool.idle_bytes += tier.idle_bytes;
        pool.buffers_in_use += tier.buffers_in_use;
        pool.acquisitions += tier.acquisitions;
        pool.releases += tier.releases;
        pool.hits += tier.hits;
        pool.slow_acquisitions += tier.slow_acquisitions;
        pool.refills += tier.refills;
        pool.flushes += tier.flushes;
        pool.tiers.push_back(tier);
    }
    pool.unassigned_idle_bytes = census.unassigned_warm_bytes;
    pool.idle_bytes += census.unassigned_warm_bytes;
    pool.committed_bytes = pool.in_use_bytes + pool.idle_bytes;
    pool.committed_bytes_peak = census.committed_bytes_peak;
    pool.in_use_bytes_peak = census.in_use_bytes_peak;
    pool.growths = census.growths;
    pool.recarves = census.recarves;
    pool.trimmed_bytes = census.trimmed_bytes;
    pool.drains = census.drains;
    pool.exhausted = census.exhausted;
    return pool;
}

}  // namespace polder
