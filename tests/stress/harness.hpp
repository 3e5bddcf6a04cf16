// SPDX-License-Identifier: Apache-2.0
//
// What the stress tests share: marked buffers, a board to swap them between threads, disturbances, time boxes.
//
//   marked             a buffer with a unique key written over it (support/marks.hpp), verified before it is released
//   board              cells that threads swap buffers with: most buffers are released by another thread than acquired them
//   wander             moves the thread to a random CPU that it may run on
//   signal_storm       a timer that signals the thread every 50 us
#pragma once

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "polder/polder.hpp"
#include "support/books.hpp"
#include "support/marks.hpp"
#include "support/random.hpp"
#include "support/scale.hpp"

namespace polder {

/// The friend of buffer: invariants are asked of the arena itself.
struct buffer_access {
    static core::arena* arena_of(const buffer& from) noexcept { return from.arena_; }
};

}  // namespace polder

namespace polder::test {

// --- marks ----------------------------------------------------------------------------------------------------------------

/// A buffer and the key written over it; `key` 0: none.
struct marked {
    buffer bytes{};
    std::uint64_t key = 0;

    marked() = default;
    marked(buffer taken, std::uint64_t unique) : bytes(std::move(taken)), key(unique) { mark(bytes.span(), key); }
    bool is_intact() const noexcept { return !bytes || is_marked(bytes.span(), key); }
};

/// Keys that no other thread makes. One per thread.
class key_maker {
public:
    explicit key_maker(std::uint64_t thread) noexcept : next_((thread + 1) << 40) {}
    std::uint64_t operator()() noexcept { return ++next_; }

private:
    std::uint64_t next_;
};

// --- exchange -------------------------------------------------------------------------------------------------------------

/// Cells to swap buffers with. A busy cell is left alone, so nobody waits.
class board {
public:
    explicit board(std::size_t cells) : cells_(cells) {}

    void swap(std::size_t at, marked& mine) {
        cell& there = cells_[at % cells_.size()];
        if (!there.lock.try_lock()) return;
        std::swap(there.held.bytes, mine.bytes);
        std::swap(there.held.key, mine.key);
        there.lock.unlock();
    }
    std::size_t size() const noexcept { return cells_.size(); }

    /// Everything on the board. The caller keeps the threads away.
    template <typename Function>
    void for_each(Function&& function) {
        for (cell& each : cells_) function(each.held);
    }

private:
    struct alignas(64) cell {
        std::mutex lock;
        marked held;
    };
    std::vector<cell> cells_;
};

// --- disturbances ---------------------------------------------------------------------------------------------------------

/// CPUs of the process when the first test asked.
inline const std::vector<int>& home_cpus() {
    static const std::vector<int> cpus = [] {
        std::vector<int> list;
        cpu_set_t mask;
        CPU_ZERO(&mask);
        if (sched_getaffinity(0, sizeof mask, &mask) == 0)
            for (int cpu = 0; cpu != CPU_SETSIZE; ++cpu)
                if (CPU_ISSET(static_cast<std::size_t>(cpu), &mask)) list.push_back(cpu);
        return list;
    }();
    return cpus;
}

inline void wander(random& dice) noexcept {
    const auto& cpus = home_cpus();
    if (cpus.size() < 2) return;
    cpu_set_t mask;
    CPU_ZERO(&mask);
    const int chosen = cpus[dice.below(cpus.size())];
    for (const int cpu : cpus)
        if (cpu == chosen || dice.one_in(4)) CPU_SET(static_cast<std::size_t>(cpu), &mask);
    sched_setaffinity(0, sizeof mask, &mask);
}

/// Signals this thread every `period` until it is destroyed. At most a few at a time: on two cores the timers themselves cost most.
class signal_storm {
public:
    explicit signal_storm(std::chrono::microseconds period = std::chrono::microseconds(50)) {
        install();
        sigevent event{};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = number();
        event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
        if (timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) return;
        running_ = true;
        const long nanoseconds = static_cast<long>(std::chrono::nanoseconds(period).count());
        const itimerspec when{{0, nanoseconds}, {0, nanoseconds}};
        timer_settime(timer_, 0, &when, nullptr);
    }
    ~signal_storm() {
        if (running_) timer_delete(timer_);
    }
    signal_storm(const signal_storm&) = delete;
    signal_storm& operator=(const signal_storm&) = delete;

    static std::uint64_t received() noexcept { return count().load(std::memory_order_relaxed); }

private:
    static int number() noexcept { return SIGRTMIN + 3; }
    static std::atomic<std::uint64_t>& count() noexcept {
        static constinit std::atomic<std::uint64_t> signals{0};
        return signals;
    }
    static void install() {
        static const bool once = [] {
            struct sigaction action {};
            action.sa_handler = [](int) { count().fetch_add(1, std::memory_order_relaxed); };
            action.sa_flags = SA_RESTART;
            return sigaction(number(), &action, nullptr) == 0;
        }();
        EXPECT_TRUE(once);
    }

    timer_t timer_{};
    bool running_ = false;
};

// --- time -----------------------------------------------------------------------------------------------------------------

/// A box for one scene: `normal` in the normal scale, a 20th when small, ten times as much when long.
class time_box {
public:
    explicit time_box(std::chrono::milliseconds normal) noexcept
        : end_(std::chrono::steady_clock::now() + scaled(normal / 20, normal, normal * 10)) {}
    bool is_over() const noexcept { return std::chrono::steady_clock::now() >= end_; }

private:
    std::chrono::steady_clock::time_point end_;
};

/// One line of evidence per scene.
inline void report_operations(const char* scene, std::uint64_t operations, std::uint64_t refused = 0) {
    std::printf("[   DONE   ] %s: %" PRIu64 " operations, %" PRIu64 " refused at a cap, %" PRIu64 " signals\n", scene, operations,
                refused, signal_storm::received());
    std::fflush(stdout);
}

// --- truth ----------------------------------------------------------------------------------------------------------------

inline void expect_consistent(const pool_stats& s, std::size_t cap) { EXPECT_EQ(wrong_in_books(s, cap), ""); }

/// Everything came home: the census is exact and no slot is lost.
inline void expect_all_home(buffer_pool& pool, std::uint64_t acquisitions) {
    const pool_stats before = pool.stats();
    expect_consistent(before, pool.options().committed_bytes_max);
    EXPECT_EQ(before.buffers_in_use, 0U);
    EXPECT_EQ(before.in_use_bytes, 0U);
    EXPECT_EQ(before.requested_bytes, 0U);
    EXPECT_EQ(before.acquisitions, acquisitions);
    EXPECT_EQ(before.releases, acquisitions);
    pool.trim(0);
    const pool_stats after = pool.stats();
    expect_consistent(after, pool.options().committed_bytes_max);
    EXPECT_EQ(after.committed_bytes, 0U) << "memory that trim(0) did not find";
    EXPECT_EQ(after.acquisitions, acquisitions);
}

}  // namespace polder::test
