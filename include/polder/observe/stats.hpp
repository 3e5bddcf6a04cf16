// SPDX-License-Identifier: Apache-2.0
//
// Statistics of a pool as a value. They cost nothing while buffers come and go: they are counted from the slot words when somebody
// asks. Bytes are told four ways that are never mixed:
//
//   requested   what the callers asked for, summed over the buffers out
//   in_use      the slots those buffers occupy                                       requested <= in_use
//   idle        slots and slabs that nobody holds but whose memory is still ours
//   committed   memory of ours that is or may be resident                  committed == in_use + idle
//
// Exact when no buffer is acquired or released during the call; otherwise each slot is counted once, at some moment of the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace polder {

namespace core {
class arena;
}

/// One tier, or all the buffers above the top tier.
struct tier_stats {
    std::size_t slot_bytes = 0;  ///< size of a slot; 0 for the line that sums up runs of their own length
    std::uint64_t requested_bytes = 0;
    std::uint64_t in_use_bytes = 0;
    std::uint64_t idle_bytes = 0;  ///< cached by CPUs, or free in slabs of this tier
    std::uint64_t buffers_in_use = 0;
    std::uint64_t slabs = 0;         ///< of 4 MiB, assigned to this tier now
    std::uint64_t acquisitions = 0;  ///< since the pool was made
    std::uint64_t releases = 0;
    std::uint64_t hits = 0;               ///< acquisitions served by a CPU's cache
    std::uint64_t slow_acquisitions = 0;  ///< the others
    std::uint64_t refills = 0;            ///< batches moved from slabs to caches
    std::uint64_t flushes = 0;            ///< batches moved back

    /// Slot bytes in use that nobody asked for.
    std::uint64_t waste_bytes() const noexcept { return in_use_bytes - requested_bytes; }
    std::uint64_t committed_bytes() const noexcept { return in_use_bytes + idle_bytes; }
};

/// A whole pool. The sums are over `tiers`, plus slabs that belong to no tier at the moment (`unassigned_idle_bytes`).
struct pool_stats {
    std::string name;
    std::uint64_t requested_bytes = 0;
    std::uint64_t in_use_bytes = 0;
    std::uint64_t idle_bytes = 0;
    std::uint64_t committed_bytes = 0;
    std::uint64_t unassigned_idle_bytes = 0;
    std::uint64_t committed_bytes_peak = 0;  ///< exact
    std::uint64_t in_use_bytes_peak = 0;     ///< greatest value seen by a call of stats(); between two calls it may have
                                             ///< been higher, never above committed_bytes_peak
    std::uint64_t buffers_in_use = 0;
    std::uint64_t acquisitions = 0;
    std::uint64_t releases = 0;
    std::uint64_t hits = 0;
    std::uint64_t slow_acquisitions = 0;
    std::uint64_t refills = 0;
    std::uint64_t flushes = 0;
    std::uint64_t growths = 0;        ///< slabs carved from memory that was not resident
    std::uint64_t recarves = 0;       ///< slabs carved again from memory that was
    std::uint64_t trimmed_bytes = 0;  ///< given back to the system since the pool was made
    std::uint64_t drains = 0;
    std::uint64_t exhausted = 0;    ///< acquisitions refused by a limit
    std::vector<tier_stats> tiers;  ///< ascending by slot size; the last one sums up runs of their own length
};

/// Counts an arena. Cost: about 2 ns per slot that was ever used.
pool_stats collect_stats(core::arena& arena);

}  // namespace polder
