// SPDX-License-Identifier: Apache-2.0
//
// The page of types: what an arena is made of, and what is always true of it.
//
//   arena   one reserved address range            slab  4 MiB of it, cut into equal slots of one size class
//   slot    one place for one buffer              word  64 bits per slot, out of line: who owns the slot. The truth.
//
//   region, in order of address
//   ┌────────┬───────────┬───────────┬─────────┬───────────┬─────────────┬──────────────┬──────────┬───────┬────────────┐
//   │ header │ CPU table │ hints     │ slab    │ bitmaps   │ cache sets  │ slot records │ shares   │ guard │ slabs      │
//   │        │ per CPU   │ per class │ records │ per slab  │ 0 · per CPU │ 1 MiB / slab │ per slot │       │ 4 MiB each │
//   └────────┴───────────┴───────────┴─────────┴───────────┴─────────────┴──────────────┴──────────┴───────┴────────────┘
//   Everything left of the guard is reached by offset alone and touched only where it is used.
//
// Invariants (checked by arena::check(): in the tests, after every few steps):
//   I1  A slot belongs to whoever its word says. Cache entries, bitmaps and stacks are hints: each is checked against the word
//       before it is believed, and all of them can be thrown away and rebuilt from the words.
//   I2  A change of owner is one store or one compare-exchange of the word.
//   I3  The generation of a word goes up by one per acquisition by a user and never goes back.
//       Hence: sum of generations == acquisitions; number of HELD words == buffers out.
//   I4  While a slab's word says FREE or CLAIMING, no word of it says CACHED or HELD.
//   I5  committed bytes == sum of slot bytes over the words of assigned slabs that are not cold
//                        + warm_bytes of each slab: the front of a free one, what lies behind the last slot of an assigned one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace polder::core {

inline constexpr unsigned slab_shift = 22;
inline constexpr std::size_t slab_bytes = std::size_t{1} << slab_shift;  ///< 4 MiB
inline constexpr unsigned slot_shift = 16;
inline constexpr std::size_t slots_per_slab_max = std::size_t{1} << slot_shift;
inline constexpr std::size_t slot_bytes_min = slab_bytes / slots_per_slab_max;  ///< 64
inline constexpr std::size_t slabs_max = std::size_t{1} << 16;                  ///< 256 GiB of slabs in one arena
inline constexpr unsigned cpus_max = 1U << 14;                                  ///< what `who` can name

/// Number of a slot inside its arena: slab in the high 16 bits, place in the slab in the low 16.
/// The slot keeps its number, and its word, whatever class its slab is carved for.
using slot_number = std::uint32_t;

constexpr std::uint32_t slab_of(slot_number slot) noexcept { return slot >> slot_shift; }
constexpr std::uint32_t place_of(slot_number slot) noexcept { return slot & (slots_per_slab_max - 1); }
constexpr slot_number make_slot(std::size_t slab, std::size_t place) noexcept {
    return static_cast<slot_number>(slab << slot_shift | place);
}

/// The note of a slot: the requested bytes in the low 48 bits; the class that the slot serves in the next 8; at the top, who brings the
/// slot back when no handle does; these flags are clear while the slot is cached.
inline constexpr std::uint64_t note_raw = std::uint64_t{1} << 63;       ///< a raw pointer
inline constexpr std::uint64_t note_detached = std::uint64_t{1} << 62;  ///< a detached_buffer
inline constexpr unsigned note_class_shift = 48;
inline constexpr std::uint64_t note_bytes_mask = (std::uint64_t{1} << note_class_shift) - 1;

/// What the arena keeps about one slot. 16 bytes, so that word and note share a cache line and travel together.
struct slot_record {
    std::atomic<std::uint64_t> word;  ///< the truth: see slot_word.hpp
    std::atomic<std::uint64_t> note;  ///< written just before the word becomes HELD or CACHED
};
static_assert(sizeof(slot_record) == 16);

/// One place in a CPU's stack of cached slots: the slot's number. Believed only while the slot's word says CACHED by this CPU and its
/// note says this class; so an entry left behind is dead, whatever became of the slot.
using cache_entry = slot_number;

/// Head of the stack of one class on one CPU; the entries follow. `top` and `limit` count bytes of entries.
/// `limit == 0` is a closed stack: nothing can be put there. All zero is a valid, empty, closed stack.
struct cache_header {
    std::uint32_t top;
    std::uint32_t limit;
    std::uint64_t reserved;
};
static_assert(sizeof(cache_header) == 16 && sizeof(cache_entry) == 4);

}  // namespace polder::core
