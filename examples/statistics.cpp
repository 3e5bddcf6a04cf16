// SPDX-License-Identifier: Apache-2.0
//
// What a pool knows of itself: bytes told four ways, waste per tier, what the caches served; and giving idle memory back.
#include <polder/polder.hpp>

#include <cstdio>
#include <vector>

#include "check.hpp"

using namespace polder::literals;

namespace {

void four_kinds_of_bytes() {
    polder::buffer_pool pool({.name = "numbers", .committed_bytes_max = 64_MiB});
    std::vector<polder::buffer> held;
    for (int i = 0; i != 100; ++i) held.push_back(pool.acquire(900));
    for (int i = 0; i != 40; ++i) held.pop_back();

    const polder::pool_stats stats = pool.stats();  // counted from the slot words, now
    check(stats.acquisitions == 100 && stats.releases == 40 && stats.buffers_in_use == 60);
    check(stats.requested_bytes == 60 * 900);  // what was asked for
    check(stats.in_use_bytes == 60 * 1024);    // the slots that serve it
    check(stats.idle_bytes >= 40 * 1024);      // nobody's, and still ours
    check(stats.committed_bytes == stats.in_use_bytes + stats.idle_bytes);
    check(stats.hits + stats.slow_acquisitions == stats.acquisitions);

    for (const polder::tier_stats& tier : stats.tiers)
        if (tier.buffers_in_use != 0)
            std::printf("tier %zu: %llu buffers, %llu bytes of waste\n", tier.slot_bytes,
                        static_cast<unsigned long long>(tier.buffers_in_use), static_cast<unsigned long long>(tier.waste_bytes()));
}

void idle_memory() {
    polder::buffer_pool pool({.name = "idle", .committed_bytes_max = 64_MiB, .idle_bytes_max = 32_MiB});
    {
        std::vector<polder::buffer> burst;
        for (int i = 0; i != 16; ++i) burst.push_back(pool.acquire(2_MiB));
        check(pool.stats().in_use_bytes == 32_MiB);
    }
    const polder::pool_stats after = pool.stats();
    check(after.in_use_bytes == 0 && after.in_use_bytes_peak == 32_MiB);
    check(after.idle_bytes > 0 && after.idle_bytes <= 32_MiB);  // kept for the next burst, within the limit

    pool.trim(8_MiB);  // at most 8 MiB stay idle
    check(pool.stats().idle_bytes <= 8_MiB);
    pool.clear();  // nothing stays
    check(pool.stats().committed_bytes == 0 && pool.stats().trimmed_bytes >= 32_MiB);
}

}  // namespace

int main() {
    four_kinds_of_bytes();
    idle_memory();
}
