// SPDX-License-Identifier: Apache-2.0
//
// What the examples assert with, also in release builds: a false condition is printed with its place and ends the program.
#pragma once

#include <cstdio>
#include <cstdlib>

inline void check(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    if (holds) return;
    std::fprintf(stderr, "%s:%d: this should be true and is not\n", file, line);
    std::exit(1);
}
