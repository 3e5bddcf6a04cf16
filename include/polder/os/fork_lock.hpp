// SPDX-License-Identifier: Apache-2.0
//
// A lock that a fork cannot leave locked for ever.
//
// fork() copies the memory but only the calling thread: an ordinary mutex held by another thread stays locked in the child. Here the
// word remembers the fork depth of its holder; in a child the depth has grown, and a word of an older depth counts as unlocked.
// What the lock protects must be repairable by whoever takes it over: `lock()` says whether that is needed.
#pragma once

#include <atomic>
#include <cstdint>

#include "polder/os/cpu.hpp"

namespace polder::os {

/// Not recursive. Uncontended: one compare-exchange. Waiting: a futex.
class fork_lock {
public:
    /// True when the lock was taken over from a thread that a fork left behind.
    bool lock() noexcept {
        for (;;) {
            bool inherited = false;
            if (try_lock(inherited)) return inherited;
            word_.wait(locked_word(), std::memory_order_relaxed);
        }
    }

    bool try_lock(bool& inherited) noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        if (seen == locked_word()) return false;
        inherited = seen != 0;
        // acquire: pairs with the release in unlock.
        return word_.compare_exchange_strong(seen, locked_word(), std::memory_order_acquire, std::memory_order_relaxed);
    }

    void unlock() noexcept {
        word_.store(0, std::memory_order_release);
        word_.notify_one();
    }

private:
    static std::uint32_t locked_word() noexcept { return fork_depth() << 1 | 1; }
    std::atomic<std::uint32_t> word_{0};
};

}  // namespace polder::os
