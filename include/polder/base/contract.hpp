// SPDX-License-Identifier: Apache-2.0
//
// Conditions that hold unless polder itself is wrong. A user's mistake is a violation (observe/violation.hpp); what the
// world may refuse is an error (base/error.hpp); what is left are invariants, and those are checked in debug builds only.
#pragma once

#include "polder/base/config.hpp"

namespace polder {

/// Prints the broken invariant with its place to standard error and aborts.
[[noreturn]] POLDER_COLD void invariant_failed(const char* what, const char* file, int line) noexcept;

/// Evaluated when POLDER_CHECKED is 1. `what` says in words what is true.
POLDER_INLINE void invariant(bool holds, const char* what, const char* file = __builtin_FILE(),
                             int line = __builtin_LINE()) noexcept {
#if POLDER_CHECKED
    if (!holds) [[unlikely]]
        invariant_failed(what, file, line);
#else
    (void)holds, (void)what, (void)file, (void)line;
#endif
}

}  // namespace polder
