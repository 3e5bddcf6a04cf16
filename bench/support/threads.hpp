// SPDX-License-Identifier: Apache-2.0
//
// Threads of the workloads: where they run, how they wait.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <thread>

#include "keep.hpp"

namespace bench {

/// A second thread that sleeps for ever: without one glibc leaves its locks out, which no program that needs a pool can.
inline void park_a_thread() {
    std::thread([] {
        for (;;) ::pause();
    }).detach();
}

/// Runs the calling thread on the n-th processor of those it may use; does nothing where there are fewer.
inline void pin_to(int n) noexcept {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) <= n) return;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed) || n-- != 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        pthread_setaffinity_np(pthread_self(), sizeof one, &one);
        return;
    }
}

/// Waits a moment: spins at first, then lets others run.
class patience {
public:
    void wait() noexcept {
        if (++turns_ < 256) {
#if defined(__x86_64__)
            __builtin_ia32_pause();
#else
            asm volatile("" : : : "memory");
#endif
        } else {
            sched_yield();
        }
    }
    void reset() noexcept { turns_ = 0; }

private:
    unsigned turns_ = 0;
};

}  // namespace bench
