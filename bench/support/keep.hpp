// SPDX-License-Identifier: Apache-2.0
//
// Keeping the optimiser honest. Both are input-only or register-only: benchmark::DoNotOptimize(lvalue) of Google Benchmark 1.7 drops
// stores with gcc 12 at -O2, and a benchmark that releases pointers it never got is fast.
#pragma once

#include <cstddef>

namespace bench {

/// The value is used, and memory may have been looked at.
template <class Value>
[[gnu::always_inline]] inline void keep(const Value& value) noexcept {
    asm volatile("" : : "r"(value) : "memory");
}

/// The same number, but the compiler cannot know which: no size class is computed at compile time for anyone.
[[gnu::always_inline]] inline std::size_t opaque(std::size_t value) noexcept {
    asm volatile("" : "+r"(value));
    return value;
}

}  // namespace bench
