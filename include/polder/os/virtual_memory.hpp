// SPDX-License-Identifier: Apache-2.0
//
// The five verbs on address ranges. Exact meanings:
//
//   reserve    address space that nobody else gets; touching it faults; costs no memory
//   commit     the pages of a range may be touched from now on; they read as zero until first written
//   decommit   the contents are gone, the memory is the system's again; touching reads as zero (stays committed)
//   weaken     the system may take the pages when it needs them (MADV_FREE); until then their contents stay
//   unreserve  the address range is given up
//
// Ranges are multiples of the page size. All calls are thread-safe system calls (0.2 … 100 us); a failure is returned as errno
// and leaves the range as it was.
#pragma once

#include <cstddef>

namespace polder::os {

/// Bytes per page of the processor's memory management (4096 on x86-64). One load after the first call.
std::size_t page_bytes() noexcept;

/// Address space for `bytes`, aligned to `alignment` (a power of two, at least a page); nullptr and errno when refused.
std::byte* reserve(std::size_t bytes, std::size_t alignment) noexcept;

/// 0, or ENOMEM when the system will not promise the memory.
[[nodiscard]] int commit(std::byte* at, std::size_t bytes) noexcept;

/// The same for a range that nobody touched or commits yet, at a cost that does not depend on its length: valgrind walks the other
/// kind byte by byte.
[[nodiscard]] int commit_untouched(std::byte* at, std::size_t bytes) noexcept;

/// 0, or errno. The range stays committed and reads as zero.
int decommit(std::byte* at, std::size_t bytes) noexcept;

/// 0, or errno (EINVAL on systems without MADV_FREE).
int weaken(std::byte* at, std::size_t bytes) noexcept;

/// Gives a whole reservation back.
void unreserve(std::byte* at, std::size_t bytes) noexcept;

/// Bytes of physical memory this process may hope for: the machine's, or its cgroup's limit where that is smaller.
std::size_t physical_memory_bytes() noexcept;

/// A test's way to make the k-th system call of this room fail. The plan is asked before each call with the verb's name and
/// returns the errno to fail with, or 0 to go on. One plan for the process; null switches it off. Costs one load per call.
using fault_plan = int (*)(const char* verb) noexcept;
void set_fault_plan(fault_plan plan) noexcept;

}  // namespace polder::os
