// SPDX-License-Identifier: Apache-2.0
//
// Test plan: buffers grow at the very moment when their pool object is destroyed.
//
//   growers   hold one buffer each and let it grow, so that it moves to new slots, until the pool is gone (`exhausted`)
//   closer    destroys the pool at a random moment
//   proof     every buffer keeps its mark and can be written as a whole afterwards: its memory went with nobody else's last buffer
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "stress/harness.hpp"

namespace polder::test {
namespace {

TEST(grow_while_closing, what_is_held_stays) {
    class random random;
    std::atomic<std::uint64_t> grown{0}, damaged{0};
    const std::size_t rounds = scaled(400);
    for (std::size_t round = 0; round != rounds; ++round) {
        auto pool = std::make_unique<buffer_pool>(
            buffer_pool_options{.name = "short-lived", .committed_bytes_max = std::size_t{256} << 20});
        std::atomic<unsigned> started{0};
        std::vector<std::thread> growers;
        for (int t = 0; t != 3; ++t) {
            growers.emplace_back([&, mine = pool->acquire(64)]() mutable {
                std::memset(mine.data(), 0x5a, 64);
                started.fetch_add(1);
                try {
                    for (std::size_t bytes = 128;; bytes = bytes < 200'000 ? bytes * 2 : bytes + 4096) {
                        mine.resize(mine.capacity() + 1 > bytes ? mine.capacity() + 1 : bytes);
                        grown.fetch_add(1, std::memory_order_relaxed);
                        if (mine.size() > (std::size_t{8} << 20)) break;
                    }
                } catch (const exhausted&) {
                }
                for (std::size_t i = 0; i != 64; ++i)
                    if (mine.data()[i] != std::byte{0x5a}) damaged.fetch_add(1, std::memory_order_relaxed);
                std::memset(mine.data(), 0xa5, mine.size());
            });
        }
        while (started.load() != 3) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::microseconds(static_cast<long>(random.below(300))));
        pool.reset();
        for (auto& grower : growers) grower.join();
    }
    EXPECT_GT(grown.load(), rounds);
    EXPECT_EQ(damaged.load(), 0U);
}

}  // namespace
}  // namespace polder::test
