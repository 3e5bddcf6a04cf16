// SPDX-License-Identifier: Apache-2.0
//
// Plan: last in, first out; empty and full; batches that fit in part; with threads: nothing comes out that never went in, numbers may stand
// twice or be lost only in races, and alone nothing is lost.
#include "polder/core/hint_stack.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "support/random.hpp"
#include "support/scale.hpp"

namespace polder::core {
namespace {

static_assert(sizeof(hint_stack) == 64 << 10);

std::vector<slot_number> numbers(std::size_t count, slot_number first = 0) {
    std::vector<slot_number> made(count);
    std::iota(made.begin(), made.end(), first);
    return made;
}

TEST(HintStack, ZeroIsEmpty) {
    const auto stack = std::make_unique<hint_stack>();
    slot_number out = 77;
    EXPECT_TRUE(stack->seems_empty());
    EXPECT_EQ(stack->pop({&out, 1}), 0U);
    EXPECT_EQ(out, 77U);
}

TEST(HintStack, LastInFirstOut) {
    const auto stack = std::make_unique<hint_stack>();
    EXPECT_EQ(stack->push(numbers(5)), 5U);
    EXPECT_FALSE(stack->seems_empty());
    std::vector<slot_number> out(3);
    EXPECT_EQ(stack->pop(out), 3U);
    EXPECT_EQ(out, (std::vector<slot_number>{4, 3, 2}));
    EXPECT_EQ(stack->push(numbers(1, 9)), 1U);
    EXPECT_EQ(stack->pop(out), 3U);
    EXPECT_EQ(out, (std::vector<slot_number>{9, 1, 0}));
    EXPECT_TRUE(stack->seems_empty());
}

TEST(HintStack, EmptyBatchesDoNothing) {
    const auto stack = std::make_unique<hint_stack>();
    EXPECT_EQ(stack->push({}), 0U);
    EXPECT_EQ(stack->push(numbers(1, 3)), 1U);
    EXPECT_EQ(stack->pop({}), 0U);
    slot_number out = 0;
    EXPECT_EQ(stack->pop({&out, 1}), 1U);
    EXPECT_EQ(out, 3U);
}

TEST(HintStack, AFullStackTakesWhatFits) {
    const auto stack = std::make_unique<hint_stack>();
    EXPECT_EQ(stack->push(numbers(hint_stack::capacity - 2)), hint_stack::capacity - 2);
    EXPECT_EQ(stack->push(numbers(5, 100'000)), 2U);
    EXPECT_EQ(stack->push(numbers(5, 200'000)), 0U);
    std::vector<slot_number> out(hint_stack::capacity + 10);
    EXPECT_EQ(stack->pop(out), hint_stack::capacity);
    EXPECT_EQ(out[0], 100'001U);
    EXPECT_EQ(out[1], 100'000U);
    EXPECT_EQ(out[2], hint_stack::capacity - 3);
    EXPECT_TRUE(stack->seems_empty());
}

TEST(HintStack, NothingIsInventedByRaces) {
    const auto stack = std::make_unique<hint_stack>();
    constexpr slot_number known = 4096;  // all numbers ever pushed are odd and below 2 * known
    std::atomic<bool> invented{false};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t != 4; ++t)
        threads.emplace_back([&, t] {
            auto random = test::random::for_thread(t);
            std::vector<slot_number> batch;
            for (std::size_t i = 0; i != test::scaled(40'000); ++i) {
                batch.resize(random.between(1, 64));
                if (random.one_in(2)) {
                    for (auto& slot : batch) slot = static_cast<slot_number>(random.below(known) * 2 + 1);
                    EXPECT_LE(stack->push(batch), batch.size());
                } else {
                    const std::size_t got = stack->pop(batch);
                    for (std::size_t k = 0; k < got; ++k)
                        if (batch[k] % 2 == 0 || batch[k] >= 2 * known) invented = true;
                }
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_FALSE(invented);
    // Alone again it is an ordinary stack.
    std::vector<slot_number> rest(hint_stack::capacity);
    stack->pop(rest);
    EXPECT_TRUE(stack->seems_empty());
    EXPECT_EQ(stack->push(numbers(7)), 7U);
    EXPECT_EQ(stack->pop(rest), 7U);
    EXPECT_EQ(rest[0], 6U);
}

TEST(HintStack, PoppersAloneGetEachNumberOnce) {
    const auto stack = std::make_unique<hint_stack>();
    ASSERT_EQ(stack->push(numbers(hint_stack::capacity)), hint_stack::capacity);
    std::vector<std::vector<slot_number>> got(4);
    std::vector<std::thread> threads;
    for (auto& mine : got)
        threads.emplace_back([&] {
            std::vector<slot_number> batch(5);
            while (const std::size_t count = stack->pop(batch))
                mine.insert(mine.end(), batch.begin(), batch.begin() + static_cast<long>(count));
        });
    for (auto& thread : threads) thread.join();
    std::set<slot_number> all;
    std::size_t sum = 0;
    for (const auto& mine : got) {
        sum += mine.size();
        all.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(sum, hint_stack::capacity);
    EXPECT_EQ(all.size(), hint_stack::capacity);
}

}  // namespace
}  // namespace polder::core
