// SPDX-License-Identifier: Apache-2.0
//
// A sandbox may forbid membarrier after pools were made. Then caches cannot be emptied from afar, and nothing else changes.
#include "polder/pools/buffer_pool.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "polder/os/rseq.hpp"
#include "support/subprocess.hpp"

namespace polder {
namespace {

/// From now on membarrier fails with EPERM in this process. False where filters cannot be installed.
bool forbid_membarrier() {
    std::array<sock_filter, 4> program{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},  // the number of the call
                                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_membarrier},
                                        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
                                        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}}};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

constexpr int cannot_filter = 77;

int scene() {
    auto* pool = new buffer_pool({.name = "sandboxed"});
    { const buffer warm = pool->acquire(2048); }
    if (!os::rseq_available() || !forbid_membarrier()) return cannot_filter;
    if (os::rseq_restart_all()) return 1;
    std::vector<buffer> out;
    for (int round = 0; round != 100; ++round) {
        out.push_back(pool->acquire(2048));
        std::memset(out.back().data(), round, 2048);
        { const buffer other = pool->acquire(100'000); }
        pool->drain();
        pool->trim();
    }
    if (pool->stats().buffers_in_use != 100) return 2;
    delete pool;  // with buffers out
    for (std::size_t i = 0; i != out.size(); ++i)
        if (out[i].data()[2047] != static_cast<std::byte>(i)) return 3;
    out.clear();
    return 0;
}

TEST(RefusedBarrier, DrainsNothingAndBreaksNothing) {
    const auto ended = test::in_child([] { return scene(); });
    if (ended.exited_with(cannot_filter)) GTEST_SKIP() << "no sequences, or no filters, in this process";
    EXPECT_TRUE(ended.exited_with(0)) << ended.status << ended.text;
}

}  // namespace
}  // namespace polder
