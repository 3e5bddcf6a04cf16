// SPDX-License-Identifier: Apache-2.0
//
// Of the pool suite: any thread may acquire, release, trim and drain at any time. More of it, and harder, stands in tests/stress.
#pragma once

#include <thread>

#include "conformance/pool_face.hpp"

namespace polder::test {

template <typename Face>
class PoolThreads : public PoolSuite<Face> {};
TYPED_TEST_SUITE_P(PoolThreads);

TYPED_TEST_P(PoolThreads, AnyThreadMayRelease) {
    using Face = TypeParam;
    const auto pool = Face::make({});
    random random;
    std::vector<typename TestFixture::owned> live;
    for (std::uint64_t key = 0; key != 200; ++key)
        live.push_back(TestFixture::marked(*pool, TestFixture::some_size(random, 200_KiB), key));
    std::thread([&] {
        for (auto& o : live) TestFixture::expect_intact(o);
        live.clear();
    }).join();
    const pool_stats s = Face::counts(*pool);
    EXPECT_EQ(s.buffers_in_use, 0U);
    EXPECT_EQ(s.releases, 200U);
    expect_sums(s);
}

TYPED_TEST_P(PoolThreads, ManyThreadsAtOnce) {
    using Face = TypeParam;
    const auto pool = Face::make({.committed_bytes_max = 128_MiB, .idle_bytes_max = 16_MiB});
    constexpr unsigned thread_count = 8;
    const std::size_t rounds = scaled(4000);
    std::vector<std::uint64_t> acquired(thread_count);
    std::vector<std::thread> threads;
    for (unsigned t = 0; t != thread_count; ++t)
        threads.emplace_back([&, t] {
            auto random = random::for_thread(t);
            std::vector<typename TestFixture::owned> live;
            for (std::size_t i = 0; i != rounds; ++i) {
                if (live.size() < 20 && random.one_in(2)) {
                    std::error_code error;
                    auto h = Face::try_acquire(*pool, TestFixture::some_size(random, 200_KiB), error);
                    if (error) continue;
                    live.push_back({std::move(h), 0});
                    live.back().renew((std::uint64_t{t} << 32) + i);
                    ++acquired[t];
                } else if (!live.empty()) {
                    const std::size_t k = random.below(live.size());
                    TestFixture::expect_intact(live[k]);
                    std::swap(live[k], live.back());
                    live.pop_back();
                }
                if (random.one_in(1000)) Face::trim(*pool, 0);
                if (random.one_in(1000)) Face::drain(*pool);
                if (random.one_in(1000)) {
                    EXPECT_LE(Face::counts(*pool).committed_bytes_peak, 128_MiB);
                }
            }
            for (auto& o : live) TestFixture::expect_intact(o);
        });
    for (auto& thread : threads) thread.join();
    std::uint64_t sum = 0;
    for (const std::uint64_t n : acquired) sum += n;
    const pool_stats s = Face::counts(*pool);
    EXPECT_EQ(s.acquisitions, sum);
    EXPECT_EQ(s.releases, sum);
    EXPECT_EQ(s.in_use_bytes, 0U);
    EXPECT_LE(s.committed_bytes_peak, 128_MiB);
    expect_sums(s);
}

TYPED_TEST_P(PoolThreads, AtTheCapWhoeverAsksIsServedOrRefused) {
    using Face = TypeParam;
    // More threads than buffers: each acquisition meets the limit, somebody else's cache, or luck; none may hang, none may be lost.
    const auto pool = Face::make({.committed_bytes_max = 4_MiB, .idle_bytes_max = 4_MiB});
    const std::size_t size = TestFixture::size_near(1_MiB);
    const std::size_t rounds = scaled(400);
    std::vector<std::uint64_t> acquired(6), refused(6);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t != acquired.size(); ++t)
        threads.emplace_back([&, t] {
            for (std::size_t i = 0; i != rounds; ++i) {
                std::error_code error;
                typename TestFixture::owned o{Face::try_acquire(*pool, size, error), 0};
                if (error) {
                    EXPECT_EQ(error, errc::exhausted);
                    ++refused[t];
                    std::this_thread::yield();
                    continue;
                }
                ++acquired[t];
                o.renew((std::uint64_t{t} << 32) + i);
                if (i % 8 == 0) std::this_thread::yield();
                TestFixture::expect_intact(o);
            }
        });
    for (auto& thread : threads) thread.join();
    std::uint64_t served = 0, turned_away = 0;
    for (std::size_t t = 0; t != acquired.size(); ++t) {
        EXPECT_EQ(acquired[t] + refused[t], rounds);
        served += acquired[t];
        turned_away += refused[t];
    }
    const pool_stats s = Face::counts(*pool);
    EXPECT_EQ(s.acquisitions, served);
    EXPECT_EQ(s.releases, served);
    EXPECT_EQ(s.exhausted, turned_away);
    EXPECT_LE(s.committed_bytes_peak, 4_MiB);
    expect_sums(s);
    EXPECT_FALSE(TestFixture::until_exhausted(*pool, size).empty());
}

REGISTER_TYPED_TEST_SUITE_P(PoolThreads, AnyThreadMayRelease, ManyThreadsAtOnce, AtTheCapWhoeverAsksIsServedOrRefused);

}  // namespace polder::test
