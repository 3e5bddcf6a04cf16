// SPDX-License-Identifier: Apache-2.0
//
// What every pool does the same way behind its fast path: find a slot for a size and an alignment, judge a release, and say what went
// wrong. Errors and violations get their words here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>

#include "polder/base/error.hpp"
#include "polder/core/arena.hpp"

namespace polder {

inline constexpr std::size_t alignment_max = core::slab_bytes;

/// A slot for `size` bytes at a multiple of `alignment`, or why not: invalid_size, invalid_alignment, exhausted, out_of_memory.
/// `note` is what the slot's record remembers: the bytes, perhaps with core::note_raw. Thread-safe; the pool is unchanged on failure.
std::error_code try_acquire_slot(core::arena& arena, std::size_t size, std::size_t alignment, std::uint64_t note,
                                 core::acquisition& got) noexcept;

/// The same, throwing.
void acquire_slot(core::arena& arena, std::size_t size, std::size_t alignment, std::uint64_t note, core::acquisition& got);

/// Throws the exception for `why`, with the pool's name, the numbers, the biggest holders, and the setting to change.
[[noreturn]] void throw_acquire_error(core::arena& arena, std::error_code why, std::size_t size, std::size_t alignment);

/// Gives a slot back on the slow path; a word that is not `expected` is reported as a violation.
void release_slot(core::arena& arena, core::class_number c, core::slot_number slot, core::word_bits expected,
                  const void* data) noexcept;

/// Reports a release through a raw value: `at` is what arena.locate() said of the pointer.
void report_bad_pointer(core::arena& arena, const core::location& at, const void* pointer) noexcept;

}  // namespace polder
