// SPDX-License-Identifier: Apache-2.0
#include "polder/os/rseq.hpp"

#include "polder/base/config.hpp"

#if POLDER_HAS_RSEQ
#include <linux/membarrier.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace polder::os {
namespace {

long membarrier(int command) noexcept { return syscall(SYS_membarrier, command, 0U, 0); }

const char* decide() noexcept {
    if (const char* wish = std::getenv("POLDER_RSEQ"); wish != nullptr && std::strcmp(wish, "0") == 0)
        return "switched off by POLDER_RSEQ=0";
    if (__rseq_size == 0) return "not registered by the C library (valgrind, an old kernel, or GLIBC_TUNABLES)";
    if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ) != 0)
        return "the kernel has no membarrier for sequences (before Linux 5.10, or filtered)";
    return nullptr;
}

const char* reason_against() noexcept {
    static const char* const reason = decide();
    return reason;
}

}  // namespace

bool rseq_available() noexcept { return reason_against() == nullptr; }

const char* rseq_status() noexcept { return rseq_available() ? "in use" : reason_against(); }

std::ptrdiff_t rseq_offset() noexcept { return __rseq_offset; }

bool rseq_restart_all() noexcept { return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ) == 0; }

}  // namespace polder::os

#else

namespace polder::os {

bool rseq_available() noexcept { return false; }
const char* rseq_status() noexcept { return "not built for this processor or sanitizer"; }
std::ptrdiff_t rseq_offset() noexcept { return 0; }
bool rseq_restart_all() noexcept { return false; }

}  // namespace polder::os

#endif
