// SPDX-License-Identifier: Apache-2.0
#include "polder/os/cpu.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

namespace polder::os {
namespace {

/// The highest number in a list such as "0-3,8-11", plus one; 0 when the file cannot be read.
unsigned highest_in_list(const char* path) noexcept {
    std::FILE* file = std::fopen(path, "re");
    if (file == nullptr) return 0;
    unsigned highest = 0;
    unsigned number = 0;
    bool any = false;
    while (std::fscanf(file, "%u", &number) == 1) {
        highest = std::max(highest, number);
        any = true;
        if (std::fgetc(file) == EOF) break;  // the '-' or ',' between two numbers
    }
    std::fclose(file);
    return any ? highest + 1 : 0;
}

std::atomic<unsigned> forks{0};

}  // namespace

unsigned cpus_possible() noexcept {
    static const unsigned count = [] {
        const unsigned listed = highest_in_list("/sys/devices/system/cpu/possible");
        const long configured = sysconf(_SC_NPROCESSORS_CONF);
        return std::max({listed, configured > 0 ? static_cast<unsigned>(configured) : 0U, 1U});
    }();
    return count;
}

unsigned cpus_online() noexcept {
    static const auto count = static_cast<unsigned>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
    return count;
}

unsigned fork_depth() noexcept {
    static const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
    (void)registered;
    return forks.load(std::memory_order_relaxed);
}

}  // namespace polder::os
