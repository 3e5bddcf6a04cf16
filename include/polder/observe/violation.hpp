// SPDX-License-Identifier: Apache-2.0
//
// Misuse: what only a mistake in code can cause. It is caught in release builds too, reported with the pool's name, and ends the
// process unless a handler of yours decides otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace polder {

enum class violation_kind : std::uint8_t {
    double_release,    ///< the slot was already given back, or will be by the handle that owns it
    stale_handle,      ///< the slot was given back and has been acquired by somebody else since
    foreign_pointer,   ///< the address belongs to no pool
    interior_pointer,  ///< the address is inside a slot, not at its beginning
    wrong_pool,        ///< the address belongs to another pool
    wrong_size,        ///< the size given back is not the size acquired
};

/// The kind in words with underscores, as in the enumeration.
const char* to_string(violation_kind kind) noexcept;

/// Everything known about one misuse. The strings live as long as the call of the handler.
struct violation {
    violation_kind kind{};
    const char* pool = "";                ///< where it was noticed
    const char* other_pool = "";          ///< owner of the address, for wrong_pool
    const void* address = nullptr;        ///< what was given back
    std::uint32_t slot = 0;               ///< number of the slot, where there is one
    std::size_t slot_bytes = 0;           ///< its size
    std::uint64_t handle_generation = 0;  ///< the acquisition that the handle stems from; 0 for raw pointers
    std::uint64_t slot_generation = 0;    ///< the acquisition that the slot has seen last
    bool is_owned_by_handle = false;      ///< double_release: a handle or a detached_buffer has yet to give the slot back
    std::size_t expected_bytes = 0;       ///< wrong_size: what was acquired
    std::size_t given_bytes = 0;          ///< wrong_size: what was given back
};

/// One line: what happened, in which pool, with numbers, and the likely cause.
std::string describe(const violation& what);

/// Called with each misuse, on the thread that made it. If it returns, the wrong release is ignored: nothing is given back. It may
/// throw only from functions that are not noexcept, which releases are; so it should not throw.
using violation_handler = void (*)(const violation&);

/// Replaces the handler and returns the one before; nullptr restores the default, which prints `describe` to standard error and
/// aborts. Thread-safe; one handler for the process.
violation_handler set_violation_handler(violation_handler handler) noexcept;

/// Hands a misuse to the handler.
void report(const violation& what);

}  // namespace polder
