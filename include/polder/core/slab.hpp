// SPDX-License-Identifier: Apache-2.0
//
// The record of a slab: its own word, which is the truth about what the slab is, and hints about what is in it.
//
//   slab word:  63 ...... 32 | 31 ...... 16 | 15 ....... 8 | 7 ...... 0
//               run length   | session      | class        | state
//
//   free ──claim──▶ claiming ──carve──▶ assigned ──begin to retire──▶ retiring ──every word RETIRED──▶ free
//                                          ▲                             │
//                                          └──────── a word was not FREE ┘
//   A run of n slabs has an assigned head with length n; the others say tail. A transition names the session that makes it, so
//   that whoever finds it unfinished after a death can undo it.
#pragma once

#include <atomic>
#include <cstdint>

#include "polder/core/size_class.hpp"
#include "polder/core/types.hpp"

namespace polder::core {

enum class slab_state : std::uint8_t { free = 0, claiming = 1, assigned = 2, retiring = 3, tail = 4 };

/// Its slots have words to be believed. A slab that is being retired may still turn out to be in use.
constexpr bool has_slots(slab_state state) noexcept { return state == slab_state::assigned || state == slab_state::retiring; }

/// The slab word, taken apart.
struct slab_word {
    slab_state state = slab_state::free;
    class_number cls = 0;
    std::uint16_t session = 0;
    std::uint32_t length = 0;  ///< slabs of the run; for a tail, its distance from the head

    static constexpr slab_word from(std::uint64_t bits) noexcept {
        return {static_cast<slab_state>(bits & 0xff), static_cast<class_number>(bits >> 8 & 0xff),
                static_cast<std::uint16_t>(bits >> 16), static_cast<std::uint32_t>(bits >> 32)};
    }
    constexpr std::uint64_t bits() const noexcept {
        return static_cast<std::uint64_t>(state) | std::uint64_t{cls} << 8 | std::uint64_t{session} << 16 |
               std::uint64_t{length} << 32;
    }
};

/// One cache line. Lives in the region; all zero is a free slab that was never used.
struct alignas(64) slab_record {
    std::atomic<std::uint64_t> word;
    std::atomic<std::uint32_t> busy;         ///< hint: slots that are CACHED, HELD or in transit
    std::atomic<std::uint32_t> used;         ///< words [used, slots) were not claimed since the carving; raised before a claim
    std::atomic<std::uint32_t> retired;      ///< while free: words [0, retired) say RETIRED, the rest FREE cold
    std::atomic<std::uint32_t> released_at;  ///< hint: clock of the arena when a slot of it last became FREE
    std::atomic<std::uint64_t> warm_bytes;   ///< free: so much of its front is resident; assigned: so much behind its last slot is
    std::atomic<std::uint64_t> generations;  ///< sum of the generations of its words when it was carved
    std::atomic<std::uint64_t> free_bits;    ///< hint: FREE slots among the first 64; slabs of more slots have a bitmap
    std::uint64_t reserved;
};
static_assert(sizeof(slab_record) == 64);

}  // namespace polder::core
