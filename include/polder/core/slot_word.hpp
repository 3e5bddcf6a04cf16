// SPDX-License-Identifier: Apache-2.0
//
// The word of a slot: one 64-bit value that says who owns the slot and how often it was acquired.
//
//   63 ............................ 16 | 15 14 | 13 ........... 0
//    generation: user acquisitions     | kind  | who
//
//   FREE     nobody's.          who = 0: cold (no memory behind it yet, or given back) · 1: warm (resident)
//   CACHED   in a CPU's stack.  who = the CPU's number
//   HELD     a user's.          who = the session; 1 in anonymous memory, 2 there when the pool died before the buffer
//   SPECIAL  polder's own.      who = retired (its slab is not assigned, warm or cold) · transit (between slab and cache) · trimming
//
// A zero word is FREE, cold, never acquired: fresh memory needs no initialisation.
#pragma once

#include <cstdint>

namespace polder::core {

using word_bits = std::uint64_t;

inline constexpr word_bits generation_one = word_bits{1} << 16;
inline constexpr word_bits tag_mask = generation_one - 1;
inline constexpr word_bits kind_mask = word_bits{3} << 14;

inline constexpr word_bits kind_free = word_bits{0} << 14;
inline constexpr word_bits kind_cached = word_bits{1} << 14;
inline constexpr word_bits kind_held = word_bits{2} << 14;
inline constexpr word_bits kind_special = word_bits{3} << 14;

inline constexpr word_bits tag_free_cold = kind_free | 0;
inline constexpr word_bits tag_free_warm = kind_free | 1;
inline constexpr word_bits tag_held = kind_held | 1;      ///< by this process
inline constexpr word_bits tag_orphaned = kind_held | 2;  ///< by this process, whose pool object is gone
inline constexpr word_bits tag_transit = kind_special | 2;
inline constexpr word_bits tag_trimming = kind_special | 3;
inline constexpr word_bits tag_retired_cold = kind_special | 8;
inline constexpr word_bits tag_retired_warm = kind_special | 9;

constexpr word_bits generation_of(word_bits w) noexcept { return w >> 16; }
constexpr word_bits kind_of(word_bits w) noexcept { return w & kind_mask; }
constexpr word_bits tag_of(word_bits w) noexcept { return w & tag_mask; }
/// The same generation under another tag.
constexpr word_bits retag(word_bits w, word_bits tag) noexcept { return (w & ~tag_mask) | tag; }
constexpr bool is_free(word_bits w) noexcept { return kind_of(w) == kind_free; }
constexpr bool is_held(word_bits w) noexcept { return kind_of(w) == kind_held; }
constexpr bool is_cached(word_bits w) noexcept { return kind_of(w) == kind_cached; }
constexpr bool is_retired(word_bits w) noexcept { return (tag_of(w) & ~word_bits{1}) == tag_retired_cold; }
/// True when memory stands behind a slot of an assigned slab.
constexpr bool is_warm(word_bits w) noexcept { return tag_of(w) != tag_free_cold && tag_of(w) != tag_retired_cold; }
/// FREE to retired and back; cold stays cold, warm stays warm.
constexpr word_bits to_retired(word_bits w) noexcept { return w | tag_retired_cold; }
constexpr word_bits to_free(word_bits w) noexcept { return w & ~tag_retired_cold; }

}  // namespace polder::core
