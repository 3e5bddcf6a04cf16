// SPDX-License-Identifier: Apache-2.0
//
// Plan: whose an address is, for pools that come and go, also on many threads; addresses of nobody.
#include "polder/observe/registry.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "polder/polder.hpp"
#include "support/scale.hpp"

namespace polder {
namespace {

TEST(Registry, KnowsThePoolOfAnAddress) {
    buffer_pool a({.name = "a"});
    auto b = std::make_unique<buffer_pool>(buffer_pool_options{.name = "b"});
    const buffer of_a = a.acquire(5000);
    std::optional<buffer> of_b = b->acquire(5000);
    EXPECT_EQ(pool_owning(of_a.data()), "a");
    EXPECT_EQ(pool_owning(of_a.data() + 4999), "a");
    EXPECT_EQ(pool_owning(of_b->data()), "b");
    const std::byte* const gone = of_b->data();
    b.reset();
    EXPECT_EQ(pool_owning(gone), "") << "its pool object is gone";
    of_b.reset();
    EXPECT_EQ(pool_owning(of_a.data()), "a");
}

TEST(Registry, ForeignAddressesAreNobodys) {
    const buffer_pool pool({.name = "somebody"});
    int on_stack = 0;
    const auto on_heap = std::make_unique<int>();
    EXPECT_EQ(pool_owning(nullptr), "");
    EXPECT_EQ(pool_owning(&on_stack), "");
    EXPECT_EQ(pool_owning(on_heap.get()), "");
    EXPECT_EQ(pool_owning(&pool), "");
    EXPECT_EQ(pool_owning(reinterpret_cast<const void*>(~std::uintptr_t{0})), "");
}

TEST(Registry, PoolsComeAndGoOnManyThreads) {
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t)
        threads.emplace_back([t] {
            for (std::size_t i = 0; i != test::scaled(200); ++i) {
                const std::string name = "pool " + std::to_string(t) + "." + std::to_string(i);
                buffer_pool pool({.name = name});
                const buffer b = pool.acquire(100);
                ASSERT_EQ(pool_owning(b.data()), name);
            }
        });
    for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace polder
