// SPDX-License-Identifier: Apache-2.0
//
// Of the pool suite: a pool may die before its buffers, and while others are releasing them.
#pragma once

#include <atomic>
#include <thread>

#include "conformance/pool_face.hpp"

namespace polder::test {

template <typename Face>
class PoolLifetime : public PoolSuite<Face> {};
TYPED_TEST_SUITE_P(PoolLifetime);

TYPED_TEST_P(PoolLifetime, HandlesOutliveThePool) {
    using Face = TypeParam;
    if constexpr (!Face::handles_outlive_pool) {
        GTEST_SKIP() << "this face's handles need their pool";
    } else {
        auto pool = Face::make({});
        random random;
        std::vector<typename TestFixture::owned> live;
        for (std::uint64_t key = 0; key != scaled<std::uint64_t>(30, 100, 100); ++key)
            live.push_back(TestFixture::marked(*pool, TestFixture::some_size(random, 6_MiB), key));
        live.push_back(TestFixture::marked(*pool, TestFixture::size_near(70_MiB), 1000));
        pool.reset();
        for (auto& o : live) {
            TestFixture::expect_intact(o);
            o.renew(o.key + 5000);
        }
        for (auto& o : live) TestFixture::expect_intact(o);
        std::vector<std::thread> threads;
        for (std::size_t t = 0; t != 4; ++t)
            threads.emplace_back([&live, t] {
                for (std::size_t i = t; i < live.size(); i += 4) {
                    TestFixture::expect_intact(live[i]);
                    Face::release(live[i].bytes);
                }
            });
        for (auto& thread : threads) thread.join();
    }
}

TYPED_TEST_P(PoolLifetime, ThePoolMayGoWhileOthersRelease) {
    using Face = TypeParam;
    if constexpr (!Face::handles_outlive_pool) {
        GTEST_SKIP() << "this face's handles need their pool";
    } else {
        for (std::size_t round = 0; round != scaled<std::size_t>(2, 200, 2000); ++round) {
            auto pool = Face::make({});
            std::vector<std::vector<typename Face::handle>> shares(3);
            for (auto& mine : shares)
                for (int i = 0; i != 20; ++i)
                    mine.push_back(Face::acquire(*pool, TestFixture::size_near(i % 2 == 0 ? 500 : 50'000)));
            std::atomic<bool> may_start{false};
            std::vector<std::thread> threads;
            for (auto& mine : shares)
                threads.emplace_back([&] {
                    while (!may_start.load(std::memory_order_acquire)) std::this_thread::yield();
                    mine.clear();
                });
            may_start.store(true, std::memory_order_release);
            pool.reset();
            for (auto& thread : threads) thread.join();
        }
    }
}

TYPED_TEST_P(PoolLifetime, PoolsComeAndGo) {
    using Face = TypeParam;
    for (std::size_t round = 0; round != scaled<std::size_t>(2, 300, 3000); ++round) {
        const auto pool = Face::make({});
        auto o = TestFixture::marked(*pool, TestFixture::size_near(2048), round);
        TestFixture::expect_intact(o);
        ASSERT_EQ(Face::counts(*pool).acquisitions, 1U) << "a new pool has no past";
    }
}

REGISTER_TYPED_TEST_SUITE_P(PoolLifetime, HandlesOutliveThePool, ThePoolMayGoWhileOthersRelease, PoolsComeAndGo);

}  // namespace polder::test
