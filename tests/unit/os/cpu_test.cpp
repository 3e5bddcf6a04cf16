// SPDX-License-Identifier: Apache-2.0
//
// Plan: the three counts against what the system says; a narrower affinity mask; the fork depth down a line of children.
#include "polder/os/cpu.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <thread>

#include "support/scale.hpp"
#include "support/subprocess.hpp"

namespace polder::os {
namespace {

TEST(Cpu, PossibleCoversConfiguredAndTheOneWeRunOn) {
    EXPECT_GE(cpus_possible(), 1U);
    EXPECT_GE(cpus_possible(), static_cast<unsigned>(sysconf(_SC_NPROCESSORS_CONF)));
    EXPECT_GT(cpus_possible(), static_cast<unsigned>(sched_getcpu()));
    EXPECT_EQ(cpus_possible(), cpus_possible());
}

TEST(Cpu, OnlineDoesNotFollowTheMaskOfTheThread) {
    const unsigned online = cpus_online();
    EXPECT_GE(online, 1U);
    EXPECT_LE(online, cpus_possible());
    cpu_set_t mine;
    ASSERT_EQ(sched_getaffinity(0, sizeof mine, &mine), 0);
    EXPECT_GE(online, static_cast<unsigned>(CPU_COUNT(&mine)));
    std::thread([online] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        if (sched_setaffinity(0, sizeof one, &one) == 0) {
            EXPECT_EQ(cpus_online(), online);
        }
    }).join();
}

TEST(Cpu, ForkDepthGrowsByOnePerGeneration) {
    const unsigned here = fork_depth();
    EXPECT_EQ(fork_depth(), here);
    const auto ended = test::in_child([here] {
        if (fork_depth() != here + 1) return 1;
        const auto grandchild = test::in_child([here] { return fork_depth() == here + 2 ? 0 : 1; });
        if (!grandchild.exited_with(0)) return 2;
        return fork_depth() == here + 1 ? 0 : 3;
    });
    EXPECT_TRUE(ended.exited_with(0)) << ended.status << ended.text;
    EXPECT_EQ(fork_depth(), here);
}

}  // namespace
}  // namespace polder::os
