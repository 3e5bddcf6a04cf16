// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says this process has resident.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstring>

namespace polder::test {

/// Rss of /proc/self/smaps_rollup in bytes (exact, unlike statm's); 0 when it cannot be read. `field` may name another line, such as
/// "LazyFree:".
inline std::size_t resident_bytes(const char* field = "Rss:") noexcept {
    std::FILE* file = std::fopen("/proc/self/smaps_rollup", "re");
    if (file == nullptr) return 0;
    std::size_t bytes = 0;
    char line[256];
    while (std::fgets(line, sizeof line, file) != nullptr) {
        if (std::strncmp(line, field, std::strlen(field)) != 0) continue;
        unsigned long long kib = 0;
        if (std::sscanf(line + std::strlen(field), "%llu", &kib) == 1) bytes = static_cast<std::size_t>(kib) << 10;
        break;
    }
    std::fclose(file);
    return bytes;
}

}  // namespace polder::test
