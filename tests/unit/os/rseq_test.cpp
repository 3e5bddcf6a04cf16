// SPDX-License-Identifier: Apache-2.0
//
// Plan: status and availability agree and never change; a reason names what to look at; switched off by environment; where it is in use,
// the area that the offset leads to knows our CPU; the barrier may be called at any time, by many threads.
#include "polder/os/rseq.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "polder/base/config.hpp"
#include "polder/core/cpu_cache.hpp"
#include "support/scale.hpp"
#include "support/subprocess.hpp"

namespace polder::os {
namespace {

TEST(Rseq, StatusAndAvailabilityAgree) {
    const std::string status = rseq_status();
    EXPECT_FALSE(status.empty());
    EXPECT_EQ(rseq_available(), status == "in use") << status;
    EXPECT_EQ(rseq_status(), status) << "decided once";
    if (POLDER_HAS_RSEQ == 0) {
        EXPECT_FALSE(rseq_available());
    }
}

TEST(Rseq, TheReasonIsTheOneThatTheEnvironmentGives) {
    const char* wish = std::getenv("POLDER_RSEQ");
    const char* tunables = std::getenv("GLIBC_TUNABLES");
    const std::string status = rseq_status();
    if (POLDER_HAS_RSEQ == 0) {
        EXPECT_NE(status.find("not built"), std::string::npos) << status;
    } else if (wish != nullptr && std::strcmp(wish, "0") == 0) {
        EXPECT_NE(status.find("POLDER_RSEQ=0"), std::string::npos) << status;
    } else if (tunables != nullptr && std::strstr(tunables, "glibc.pthread.rseq=0") != nullptr) {
        EXPECT_NE(status.find("GLIBC_TUNABLES"), std::string::npos) << status;
    } else {
        GTEST_SKIP() << "nothing asked for; status: " << status;
    }
}

TEST(Rseq, AThreadFindsItsCpuWhereTheOffsetLeads) {
    if (!rseq_available()) GTEST_SKIP() << rseq_status();
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i)
        threads.emplace_back([] {
            // Held to one CPU, the answer cannot move under our eyes.
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(sched_getcpu(), &one);
            if (sched_setaffinity(0, sizeof one, &one) != 0) return;
            EXPECT_EQ(core::current_cpu_hint(rseq_offset()), static_cast<std::uint64_t>(sched_getcpu()));
        });
    for (auto& thread : threads) thread.join();
}

TEST(Rseq, TheBarrierMayBeCalledByAnybody) {
    const bool works = rseq_available();
    EXPECT_EQ(rseq_restart_all(), works);
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i)
        threads.emplace_back([works] {
            for (std::size_t k = 0; k != test::scaled(1000); ++k) EXPECT_EQ(rseq_restart_all(), works);
        });
    for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace polder::os
