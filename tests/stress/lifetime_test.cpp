// SPDX-License-Identifier: Apache-2.0
//
// Test plan: a pool may die before its buffers, while other threads are in the middle of releasing them.
//
//   creators     make a pool, acquire, hand buffers to everybody, destroy the pool at once
//   releasers    take buffers from the board, verify the mark, release: before, during and after the end of the pool
//   proof        marks intact (the memory outlives the pool object); address space of the process is back to what it was
//   also         pools destroyed in one thread while their last buffers go in many: the arena goes with the last of them, exactly once
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <memory>
#include <thread>

#include "stress/harness.hpp"

namespace polder::test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

std::size_t address_space_kib() {
    std::FILE* status = std::fopen("/proc/self/status", "re");
    if (status == nullptr) return 0;
    char line[256];
    std::size_t kib = 0;
    while (std::fgets(line, sizeof line, status) != nullptr)
        if (std::strncmp(line, "VmSize:", 7) == 0) kib = std::strtoull(line + 7, nullptr, 10);
    std::fclose(status);
    return kib;
}

buffer_pool_options small_pool() { return {.name = "short-lived", .committed_bytes_max = 64 * mib, .idle_bytes_max = 8 * mib}; }

TEST(lifetime, pools_end_while_buffers_are_out) {
    board exchange(128);
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> pools{0}, damaged{0}, released{0};
    { buffer_pool warm_up(small_pool()); }
    const std::size_t before = address_space_kib();

    std::vector<std::thread> crew;
    for (unsigned i = 0; i != 4; ++i) {
        crew.emplace_back([&, i] {
            random dice = random::for_thread(i);
            key_maker keys(i);
            while (!is_over.load(std::memory_order_relaxed)) {
                buffer_pool_options options = small_pool();
                options.per_cpu_caches = !dice.one_in(4);
                auto pool = std::make_unique<buffer_pool>(std::move(options));
                const std::uint64_t wanted = dice.below(40);
                for (std::uint64_t n = 0; n != wanted; ++n) {
                    marked one(pool->acquire(dice.log_uniform(1, dice.one_in(8) ? 8 * mib : 64 << 10)), keys());
                    exchange.swap(dice(), one);
                    if (one.bytes && dice.one_in(8) && one.bytes.size() > 1) {
                        marked tail(one.bytes.split_off(one.bytes.size() / 2), keys());
                        one.key = keys();
                        mark(one.bytes.span(), one.key);
                        exchange.swap(dice(), tail);
                        if (!tail.is_intact()) damaged.fetch_add(1, std::memory_order_relaxed);
                    }
                    if (!one.is_intact()) damaged.fetch_add(1, std::memory_order_relaxed);
                }
                pool.reset();
                pools.fetch_add(1, std::memory_order_relaxed);
            }
        });
    }
    for (unsigned i = 4; i != 8; ++i) {
        crew.emplace_back([&, i] {
            random dice = random::for_thread(i);
            while (!is_over.load(std::memory_order_relaxed)) {
                if (dice.one_in(64)) wander(dice);
                marked one;
                exchange.swap(dice(), one);
                if (!one.bytes) {
                    if (dice.one_in(16)) std::this_thread::yield();
                    continue;
                }
                if (!one.is_intact()) damaged.fetch_add(1, std::memory_order_relaxed);
                released.fetch_add(1, std::memory_order_relaxed);
            }
        });
    }
    const time_box box(std::chrono::seconds(4));
    while (!box.is_over()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    is_over.store(true);
    for (auto& each : crew) each.join();
    exchange.for_each([&](marked& each) {
        EXPECT_TRUE(each.is_intact());
        each.bytes.reset();
    });
    EXPECT_EQ(damaged.load(), 0U);
    EXPECT_GT(pools.load(), 0U);
    // The C library keeps stacks and arenas of the threads; an arena of ours is at least a GiB of addresses. Sanitizers keep their own.
    if (!sanitized()) {
        EXPECT_LT(address_space_kib(), before + (std::size_t{1} << 20)) << "an arena was never given up";
    }
    report_operations("pools that end early", released.load());
    std::printf("[   DONE   ] %" PRIu64 " pools made and destroyed\n", pools.load());
}

/// The end of the pool races with the release of each of its buffers, all started by one latch.
TEST(lifetime, the_last_buffer_takes_the_arena_with_it_once) {
    const std::size_t before = address_space_kib();
    const int rounds = sanitized() ? scaled(10, 100, 1'000) : scaled(50, 1'500, 20'000);
    random dice;
    for (int round = 0; round != rounds; ++round) {
        buffer_pool_options options = small_pool();
        options.per_cpu_caches = dice.one_in(2);
        auto pool = std::make_unique<buffer_pool>(std::move(options));
        constexpr std::size_t threads = 3;
        std::vector<marked> out[threads];
        for (auto& share : out)
            for (std::uint64_t n = dice.below(20); n != 0; --n)
                share.emplace_back(pool->acquire(dice.log_uniform(1, 256 << 10)), dice());
        std::latch start(threads + 1);
        std::vector<std::thread> crew;
        for (auto& share : out) {
            crew.emplace_back([&start, &share] {
                start.arrive_and_wait();
                for (marked& each : share) {
                    EXPECT_TRUE(each.is_intact());
                    each.bytes.reset();
                }
            });
        }
        start.arrive_and_wait();
        pool.reset();
        for (auto& each : crew) each.join();
    }
    if (!sanitized()) {
        EXPECT_LT(address_space_kib(), before + (std::size_t{1} << 20)) << "an arena was never given up";
    }
    report_operations("ends of pools", static_cast<std::uint64_t>(rounds));
}

}  // namespace
}  // namespace polder::test
