// SPDX-License-Identifier: Apache-2.0
//
// Where everything lies in the region: offsets only, computed from the geometry, the same in every process that maps it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "polder/core/hint_stack.hpp"
#include "polder/core/size_class.hpp"
#include "polder/core/slab.hpp"
#include "polder/core/types.hpp"

namespace polder::core {

/// Counters of one class. Changed on slow paths only; read by anybody.
struct alignas(64) class_counters {
    std::atomic<std::uint64_t> folded_acquisitions;  ///< of slabs that were retired since
    std::atomic<std::uint64_t> slow_acquisitions;    ///< that did not come from a CPU's cache
    std::atomic<std::uint64_t> refills;
    std::atomic<std::uint64_t> flushes;
    std::atomic<std::int64_t> bitmap_slots;  ///< hint: how many bits are set in the bitmaps of its slabs
    std::atomic<std::int64_t> warm_free;     ///< hint: how many of its slots are FREE and warm
    std::atomic<std::uint32_t> cursor;       ///< hint: the slab whose bitmap was fruitful last
};

/// First bytes of the region; all zero is an empty arena.
struct alignas(64) arena_header {
    std::atomic<std::uint64_t> committed_bytes;  ///< resident or promised: slots that are not cold, warm fronts of free slabs
    std::atomic<std::uint64_t> committed_bytes_peak;
    std::atomic<std::uint64_t> idle_bytes;     ///< the part of it that is neither cached nor held
    std::atomic<std::uint64_t> growths;        ///< slabs carved from memory that was cold
    std::atomic<std::uint64_t> recarves;       ///< slabs carved from memory that was warm
    std::atomic<std::uint64_t> trimmed_bytes;  ///< given back to the system
    std::atomic<std::uint64_t> drains;
    std::atomic<std::uint64_t> exhausted;          ///< acquisitions refused by a limit
    std::atomic<std::uint32_t> slabs_born;         ///< slabs [0, born) are committed address space
    std::atomic<std::uint32_t> clock;              ///< counts releases to slabs: the age of idle memory
    std::atomic<std::uint64_t> in_use_bytes_peak;  ///< greatest sum seen by a census
    alignas(64) std::array<class_counters, size_class_table::classes_max + 1> classes;  ///< the last one is `huge`
};

/// Offsets of the parts, each a multiple of the page size.
struct layout {
    layout(const size_class_table& classes, std::size_t slabs, unsigned cpus,
           std::span<const std::uint32_t> cache_entries) noexcept;

    std::size_t slabs = 0;
    unsigned cpus = 0;

    std::size_t cpu_table = 0;       ///< cpus_max × 8 bytes
    std::size_t hints = 0;           ///< a hint_stack per class
    std::size_t slab_records = 0;    ///< 64 bytes per slab
    std::size_t bitmaps = 0;         ///< 8 KiB per slab: one bit per slot, set = maybe FREE
    std::size_t cache_sets = 0;      ///< (1 + cpus) × cache_set_bytes; set 0 is closed and never written
    std::size_t slot_records = 0;    ///< 1 MiB per slab
    std::size_t shares = 0;          ///< 4 bytes per slot: handles on a slot that was split or sliced
    std::size_t metadata_bytes = 0;  ///< everything above
    std::size_t data = 0;            ///< first slab, aligned to 4 MiB, behind a guard
    std::size_t region_bytes = 0;

    std::size_t cache_set_bytes = 0;
    std::array<std::uint32_t, size_class_table::classes_max> stack_offset{};  ///< of a class inside a set
    std::uint32_t closed_stack_offset = 0;                                    ///< of a stack that nobody ever opens
};

}  // namespace polder::core
