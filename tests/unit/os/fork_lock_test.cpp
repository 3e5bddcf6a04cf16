// SPDX-License-Identifier: Apache-2.0
//
// Plan: exclusion among threads; try_lock; nothing is inherited without a fork; a child takes over what another thread held at the fork,
// once, and is told so; a lock taken by the forking thread itself; a grandchild.
#include "polder/os/fork_lock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/scale.hpp"
#include "support/subprocess.hpp"

namespace polder::os {
namespace {

TEST(ForkLock, OneThreadAtATime) {
    fork_lock lock;
    std::size_t plain = 0;
    const std::size_t rounds = test::scaled(20'000);
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i)
        threads.emplace_back([&] {
            for (std::size_t k = 0; k != rounds; ++k) {
                EXPECT_FALSE(lock.lock()) << "nobody forked";
                ++plain;
                lock.unlock();
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(plain, 4 * rounds);
}

TEST(ForkLock, TryLockSaysNoWhileItIsHeld) {
    fork_lock lock;
    bool inherited = true;
    ASSERT_TRUE(lock.try_lock(inherited));
    EXPECT_FALSE(inherited);
    std::thread([&] {
        bool other = false;
        EXPECT_FALSE(lock.try_lock(other));
    }).join();
    lock.unlock();
    ASSERT_TRUE(lock.try_lock(inherited));
    EXPECT_FALSE(inherited);
    lock.unlock();
}

/// Exit code 0 when the lock behaves in a child as one that was left behind.
int take_over(fork_lock& lock) {
    bool inherited = false;
    if (!lock.try_lock(inherited)) return 1;
    if (!inherited) return 2;
    bool again = false;
    if (lock.try_lock(again)) return 3;  // ours now: not free for another
    lock.unlock();
    if (lock.lock()) return 4;  // inherited once only
    lock.unlock();
    return 0;
}

TEST(ForkLock, AChildTakesOverWhatAnotherThreadHeld) {
    if (test::thread_sanitized()) GTEST_SKIP() << "fork with threads";
    fork_lock lock;
    std::atomic<bool> is_held{false};
    std::atomic<bool> may_go{false};
    std::thread holder([&] {
        lock.lock();
        is_held = true;
        is_held.notify_one();
        may_go.wait(false);
        lock.unlock();
    });
    is_held.wait(false);
    const auto child = test::in_child([&] { return take_over(lock); });
    EXPECT_TRUE(child.exited_with(0)) << child.status << child.text;
    const auto line = test::in_child([&] {
        const auto grandchild = test::in_child([&] { return take_over(lock); });
        return grandchild.exited_with(0) ? take_over(lock) : 5;
    });
    EXPECT_TRUE(line.exited_with(0)) << line.status << line.text;
    may_go = true;
    may_go.notify_one();
    holder.join();
    EXPECT_FALSE(lock.lock()) << "the parent never noticed";
    lock.unlock();
}

TEST(ForkLock, HeldByTheForkingThreadItself) {
    fork_lock lock;
    lock.lock();
    const auto child = test::in_child([&] { return take_over(lock); });
    EXPECT_TRUE(child.exited_with(0)) << child.status << child.text;
    bool inherited = false;
    EXPECT_FALSE(lock.try_lock(inherited)) << "the parent still holds it";
    lock.unlock();
}

TEST(ForkLock, UnlockedStaysUnlockedInAChild) {
    fork_lock lock;
    lock.lock();
    lock.unlock();
    const auto child = test::in_child([&] {
        if (lock.lock()) return 1;
        lock.unlock();
        return 0;
    });
    EXPECT_TRUE(child.exited_with(0)) << child.status;
}

}  // namespace
}  // namespace polder::os
