// SPDX-License-Identifier: Apache-2.0
//
// What is read from the system: time, page faults, resident bytes.
#pragma once

#include <sys/resource.h>
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace bench {

inline double seconds_of(clockid_t clock) noexcept {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Processor time of the whole process: what others do on the machine is not in it.
inline double cpu_seconds() noexcept { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
inline double wall_seconds() noexcept { return seconds_of(CLOCK_MONOTONIC); }

inline std::uint64_t page_faults() noexcept {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_minflt) + static_cast<std::uint64_t>(usage.ru_majflt);
}

/// Bytes as one line of /proc/self/smaps_rollup tells them ("Rss:", "LazyFree:"): exact, and slow to ask.
inline double smaps_bytes(const char* field) noexcept {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/smaps_rollup", "re"), &std::fclose);
    char line[256];
    while (file && std::fgets(line, sizeof line, file.get()) != nullptr) {
        unsigned long kib = 0;
        const std::size_t length = std::strlen(field);
        if (std::strncmp(line, field, length) == 0 && std::sscanf(line + length, "%lu", &kib) == 1)
            return static_cast<double>(kib) * 1024.0;
    }
    return 0.0;
}

/// A time stamp that nothing is reordered across; about 20 ns each on the machines this was written on.
inline std::uint64_t stamp() noexcept {
#if defined(__x86_64__)
    _mm_lfence();
    const std::uint64_t ticks = __rdtsc();
    _mm_lfence();
    return ticks;
#else
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
#endif
}

/// Nanoseconds per step of stamp(), compared with the clock over 20 ms.
inline double nanoseconds_per_stamp() noexcept {
    const double wall = wall_seconds();
    const std::uint64_t ticks = stamp();
    while (wall_seconds() < wall + 0.02) {
    }
    const std::uint64_t passed = stamp() - ticks;
    return (wall_seconds() - wall) * 1e9 / static_cast<double>(passed);
}

/// Waits until what was written before has left the store buffer, so that a stamp does not measure somebody else's cache misses.
inline void drain_stores() noexcept {
#if defined(__x86_64__)
    _mm_mfence();
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/// Time, page faults and operations of one sample.
struct sample {
    double seconds = 0;
    double operations = 0;
    double faults = 0;
};

/// Calls `batch(n)`, which does n operations, until `seconds` of processor time have been spent in it, after a fifth of that to warm
/// up. Batches are long enough (1 ms) for the clock not to matter.
template <class Batch>
sample repeat_for(double seconds, Batch&& batch) {
    std::uint64_t count = 1;
    double spent = 0;
    while (spent < seconds / 5) {
        const double before = cpu_seconds();
        batch(count);
        const double took = cpu_seconds() - before;
        spent += took;
        if (took < 1e-3) count *= 2;
    }
    sample result;
    const std::uint64_t faults = page_faults();
    const double start = cpu_seconds();
    do {
        batch(count);
        result.operations += static_cast<double>(count);
        result.seconds = cpu_seconds() - start;
    } while (result.seconds < seconds);
    result.faults = static_cast<double>(page_faults() - faults);
    return result;
}

}  // namespace bench
