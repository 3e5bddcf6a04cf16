// SPDX-License-Identifier: Apache-2.0
//
// Test plan: caches belong to CPUs, so threads may come and go by the hundred thousand without leaving memory behind.
//
//   short threads   10^5 of them, each acquires and releases a few buffers, half of them are released by a later thread
//   proof           marks intact; the census is exact at the end; what the pool keeps does not grow with the number of threads
#include <pthread.h>

#include <atomic>

#include "stress/harness.hpp"

namespace polder::test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

struct shared_state {
    buffer_pool pool{{.name = "churn", .committed_bytes_max = 128 * mib, .idle_bytes_max = 16 * mib}};
    board exchange{64};
    std::atomic<std::uint64_t> threads{0};
    std::atomic<std::uint64_t> acquisitions{0};
    std::atomic<std::uint64_t> damaged{0};
};

void* live_shortly(void* argument) {
    auto& state = *static_cast<shared_state*>(argument);
    const std::uint64_t number = state.threads.fetch_add(1, std::memory_order_relaxed);
    random dice = random::for_thread(number);
    key_maker keys(number);
    if (dice.one_in(8)) wander(dice);
    for (int i = 0; i != 4; ++i) {
        std::error_code error;
        buffer got = state.pool.try_acquire(dice.log_uniform(1, 64 << 10), error);
        EXPECT_FALSE(error) << error.message();
        if (!got) continue;
        state.acquisitions.fetch_add(1, std::memory_order_relaxed);
        marked one(std::move(got), keys());
        if (dice.one_in(2)) state.exchange.swap(dice(), one);
        if (!one.is_intact()) state.damaged.fetch_add(1, std::memory_order_relaxed);
    }
    return nullptr;
}

TEST(churn, a_hundred_thousand_short_threads) {
    shared_state state;
    const std::size_t threads =
        sanitized() ? scaled<std::size_t>(200, 2'000, 20'000) : scaled<std::size_t>(2'000, 100'000, 1'000'000);
    constexpr std::size_t at_once = 8;
    std::uint64_t committed_early = 0;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, std::size_t{256} << 10);
    for (std::size_t started = 0; started < threads; started += at_once) {
        pthread_t ids[at_once];
        for (auto& id : ids) ASSERT_EQ(pthread_create(&id, &attributes, live_shortly, &state), 0);
        for (auto& id : ids) pthread_join(id, nullptr);
        if (started == threads / 2 / at_once * at_once) committed_early = state.pool.stats().committed_bytes_peak;
    }
    pthread_attr_destroy(&attributes);
    EXPECT_EQ(state.damaged.load(), 0U);
    state.exchange.for_each([](marked& each) {
        EXPECT_TRUE(each.is_intact());
        each.bytes.reset();
    });
    // The second half of the threads needs no more memory than the first, but for chance.
    EXPECT_LE(state.pool.stats().committed_bytes_peak, committed_early + 16 * mib);
    expect_all_home(state.pool, state.acquisitions.load());
    report_operations("churn", state.threads.load());
}

}  // namespace
}  // namespace polder::test
