// SPDX-License-Identifier: Apache-2.0
//
// Restartable sequences: what the kernel and the C library offer. The sequences themselves are in core/cpu_cache.hpp.
//
// A thread that glibc (2.35 and later) registered has a `struct rseq` at a fixed distance from its thread pointer. The kernel
// keeps the number of its CPU there, and moves the thread to an abort handler when it is preempted, migrated or signalled inside
// an announced range of instructions. Paul Turner's idea (2013), in Linux since 4.18.
#pragma once

#include <cstddef>

namespace polder::os {

/// True when per-CPU caches may be used in this process: the C library registered its threads, the kernel can restart sequences
/// on other CPUs (membarrier PRIVATE_EXPEDITED_RSEQ, Linux 5.10), and POLDER_RSEQ=0 is not in the environment. Decided once.
/// False under valgrind, in ThreadSanitizer builds, with GLIBC_TUNABLES=glibc.pthread.rseq=0, and on other processors.
bool rseq_available() noexcept;

/// Why `rseq_available()` says what it says: "in use", or the reason against. For reports.
const char* rseq_status() noexcept;

/// Distance of the thread's `struct rseq` from its thread pointer; meaningful only where rseq_available().
std::ptrdiff_t rseq_offset() noexcept;

/// After this returns, no thread of the process is inside a sequence that began before the call: each was restarted or had
/// committed. Full memory barrier on every CPU that runs the process. 0.5 … 3 us. False: the system refused (a seccomp filter, no memory),
/// and nothing is known.
[[nodiscard]] bool rseq_restart_all() noexcept;

}  // namespace polder::os
