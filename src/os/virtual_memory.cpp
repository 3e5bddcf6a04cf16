// SPDX-License-Identifier: Apache-2.0
#include "polder/os/virtual_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace polder::os {
namespace {

std::atomic<fault_plan> plan{nullptr};

/// True when the test's plan wants this call to fail; errno is set then.
bool planned_fault(const char* verb) noexcept {
    if (auto* asked = plan.load(std::memory_order_acquire)) {
        if (const int wanted = asked(verb)) {
            errno = wanted;
            return true;
        }
    }
    return false;
}

/// The number in a one-line file of the kernel, or the greatest number when there is none ("max" counts as none).
std::size_t read_limit(const char* path) noexcept {
    std::size_t value = std::numeric_limits<std::size_t>::max();
    if (std::FILE* file = std::fopen(path, "re")) {
        unsigned long long number = 0;
        if (std::fscanf(file, "%llu", &number) == 1) value = number;
        std::fclose(file);
    }
    return value;
}

}  // namespace

void set_fault_plan(fault_plan wanted) noexcept { plan.store(wanted, std::memory_order_release); }

std::size_t page_bytes() noexcept {
    static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return size;
}

std::byte* reserve(std::size_t bytes, std::size_t alignment) noexcept {
    if (planned_fault("reserve")) return nullptr;
    const std::size_t slack = alignment > page_bytes() ? alignment : 0;
    if (bytes > std::numeric_limits<std::size_t>::max() - slack) {
        errno = ENOMEM;
        return nullptr;
    }
    void* got = mmap(nullptr, bytes + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) return nullptr;
    const auto start = reinterpret_cast<std::uintptr_t>(got);
    const auto aligned = (start + alignment - 1) & ~(alignment - 1);
    auto* base = static_cast<std::byte*>(got);
    if (aligned != start) munmap(base, aligned - start);
    if (const auto rest = start + slack - aligned; slack != 0 && rest != 0) munmap(base + (aligned - start) + bytes, rest);
    return base + (aligned - start);
}

int commit(std::byte* at, std::size_t bytes) noexcept {
    if (planned_fault("commit")) return errno;
    return mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0 ? 0 : errno;
}

int commit_untouched(std::byte* at, std::size_t bytes) noexcept {
    if (planned_fault("commit")) return errno;
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    return mmap(at, bytes, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED ? 0 : errno;
}

int decommit(std::byte* at, std::size_t bytes) noexcept {
    if (planned_fault("decommit")) return errno;
    return madvise(at, bytes, MADV_DONTNEED) == 0 ? 0 : errno;
}

int weaken(std::byte* at, std::size_t bytes) noexcept {
    if (planned_fault("weaken")) return errno;
    return madvise(at, bytes, MADV_FREE) == 0 ? 0 : errno;
}

void unreserve(std::byte* at, std::size_t bytes) noexcept { munmap(at, bytes); }

std::size_t physical_memory_bytes() noexcept {
    static const std::size_t bytes = [] {
        const auto machine = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * page_bytes();
        // Version 2 of control groups, then version 1; a limit above the machine's memory is no limit.
        const std::size_t group =
            std::min(read_limit("/sys/fs/cgroup/memory.max"), read_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
        return std::min(machine, group);
    }();
    return bytes;
}

}  // namespace polder::os
