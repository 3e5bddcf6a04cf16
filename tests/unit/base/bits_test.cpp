// SPDX-License-Identifier: Apache-2.0
//
// Plan: powers of two and rounding at 0, 1 and both ends of size_t; the reciprocal against the division it replaces, at every place of
// every slot size that a table may hold, for the byte before, at and behind the place.
#include "polder/base/bits.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "polder/core/types.hpp"
#include "polder/pools/options.hpp"
#include "support/random.hpp"
#include "support/scale.hpp"

namespace polder {
namespace {

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

static_assert(!is_power_of_two(0) && is_power_of_two(1) && is_power_of_two(2) && !is_power_of_two(3));
static_assert(is_power_of_two(std::size_t{1} << 63) && !is_power_of_two(size_max));
static_assert(round_down(4095, 4096) == 0 && round_down(4096, 4096) == 4096 && round_down(size_max, 64) == size_max - 63);
static_assert(round_up(0, 64) == 0 && round_up(1, 64) == 64 && round_up(64, 64) == 64 && round_up(65, 64) == 128);
static_assert(round_up(size_max - 63, 64) == size_max - 63);
static_assert(divide_up(0, 3) == 0 && divide_up(1, 3) == 1 && divide_up(3, 3) == 1 && divide_up(4, 3) == 2);
static_assert(reciprocal(64).divide(127) == 1 && reciprocal(192).divide(191) == 0);

TEST(Bits, EveryPowerOfTwoAndItsNeighbours) {
    for (unsigned shift = 2; shift != 64; ++shift) {
        const std::size_t power = std::size_t{1} << shift;
        EXPECT_TRUE(is_power_of_two(power));
        EXPECT_FALSE(is_power_of_two(power - 1));
        EXPECT_FALSE(is_power_of_two(power + 1));
        EXPECT_EQ(round_down(power + 1, power), power);
        EXPECT_EQ(round_down(power - 1, power), 0U);
        EXPECT_EQ(round_up(power - 1, power), power);
    }
}

TEST(Bits, ReciprocalIsExactAtEveryPlaceOfEveryDefaultTier) {
    for (const std::size_t bytes : default_tiers()) {
        const reciprocal by(bytes);
        const std::size_t places = core::slab_bytes / bytes;
        for (std::size_t place = 0; place <= places; ++place) {
            const std::size_t at = place * bytes;
            ASSERT_EQ(by.divide(at), place) << bytes;
            ASSERT_EQ(by.divide(at + 1), place) << bytes;
            ASSERT_EQ(by.divide(at + bytes - 1), place) << bytes;
        }
    }
}

TEST(Bits, ReciprocalIsExactForEveryMultipleOf64) {
    const std::size_t step = 64 * test::scaled<std::size_t>(61, 1, 1);
    for (std::size_t bytes = 64; bytes <= core::slab_bytes; bytes += step) {
        const reciprocal by(bytes);
        for (std::size_t at = bytes; at <= core::slab_bytes; at += bytes) {
            ASSERT_EQ(by.divide(at), at / bytes) << bytes;
            ASSERT_EQ(by.divide(at - 1), at / bytes - 1) << bytes;
        }
    }
}

TEST(Bits, ReciprocalHoldsUpTo32Bits) {
    test::random random;
    for (std::size_t i = 0; i != test::scaled(1'000'000); ++i) {
        const std::uint64_t divisor = random.log_uniform(2, 0xffff'ffff);
        const std::uint64_t x = random.below(std::uint64_t{1} << 32);
        ASSERT_EQ(reciprocal(divisor).divide(x), x / divisor) << x << " / " << divisor;
    }
    for (const std::uint64_t divisor : {std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{0xffff'fffe}, std::uint64_t{0xffff'ffff}})
        for (const std::uint64_t x : {std::uint64_t{0}, std::uint64_t{1}, divisor - 1, divisor, std::uint64_t{0xffff'ffff}})
            EXPECT_EQ(reciprocal(divisor).divide(x), x / divisor);
}

}  // namespace
}  // namespace polder
