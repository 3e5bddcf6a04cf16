// SPDX-License-Identifier: Apache-2.0
//
// What always holds between the numbers of a quiet pool's statistics, whatever happened before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "polder/observe/stats.hpp"

namespace polder::test {

/// The relations that do not hold, with their numbers; empty when the books are right.
inline std::string wrong_in_books(const pool_stats& s, std::size_t cap) {
    std::string wrong;
    const auto equal = [&wrong](std::uint64_t a, std::uint64_t b, const char* what) {
        if (a != b) wrong += std::string(what) + ": " + std::to_string(a) + " is not " + std::to_string(b) + "\n";
    };
    const auto at_most = [&wrong](std::uint64_t a, std::uint64_t b, const char* what) {
        if (a > b) wrong += std::string(what) + ": " + std::to_string(a) + " exceeds " + std::to_string(b) + "\n";
    };
    equal(s.committed_bytes, s.in_use_bytes + s.idle_bytes, "committed and in use + idle");
    at_most(s.committed_bytes, cap, "committed and its cap");
    at_most(s.committed_bytes, s.committed_bytes_peak, "committed and its peak");
    at_most(s.committed_bytes_peak, cap, "the peak of committed and the cap");
    at_most(s.requested_bytes, s.in_use_bytes, "requested and in use");
    at_most(s.in_use_bytes, s.in_use_bytes_peak, "in use and its peak");
    at_most(s.in_use_bytes_peak, s.committed_bytes_peak, "the peak of in use and the peak of committed");
    equal(s.acquisitions - s.releases, s.buffers_in_use, "acquisitions - releases and buffers in use");
    equal(s.hits + s.slow_acquisitions, s.acquisitions, "hits + slow acquisitions and acquisitions");
    tier_stats sum;
    for (const tier_stats& t : s.tiers) {
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
        equal(t.hits + t.slow_acquisitions, t.acquisitions, "of a tier: hits + slow acquisitions and acquisitions");
        equal(t.acquisitions - t.releases, t.buffers_in_use, "of a tier: acquisitions - releases and buffers in use");
        if (t.slot_bytes != 0) equal(t.in_use_bytes, t.buffers_in_use * t.slot_bytes, "of a tier: bytes in use and buffers × slot");
        at_most(t.requested_bytes, t.in_use_bytes, "of a tier: requested and in use");
    }
    equal(sum.requested_bytes, s.requested_bytes, "sum of the tiers' requested bytes");
    equal(sum.in_use_bytes, s.in_use_bytes, "sum of the tiers' bytes in use");
    equal(sum.idle_bytes + s.unassigned_idle_bytes, s.idle_bytes, "sum of the tiers' and the unassigned idle bytes");
    equal(sum.buffers_in_use, s.buffers_in_use, "sum of the tiers' buffers in use");
    equal(sum.acquisitions, s.acquisitions, "sum of the tiers' acquisitions");
    equal(sum.releases, s.releases, "sum of the tiers' releases");
    equal(sum.hits, s.hits, "sum of the tiers' hits");
    equal(sum.slow_acquisitions, s.slow_acquisitions, "sum of the tiers' slow acquisitions");
    equal(sum.refills, s.refills, "sum of the tiers' refills");
    equal(sum.flushes, s.flushes, "sum of the tiers' flushes");
    return wrong;
}

}  // namespace polder::test
