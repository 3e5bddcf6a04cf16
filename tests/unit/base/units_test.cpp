// SPDX-License-Identifier: Apache-2.0
//
// Plan: literals; checked arithmetic at its edges; text of sizes: bytes, whole units, fractions, the largest number.
#include "polder/base/units.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace polder {
namespace {

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

static_assert(1_KiB == 1024 && 4_MiB == 4'194'304 && 1_GiB == 1'073'741'824 && 0_KiB == 0);
static_assert(checked_add(1, 2) == 3U && checked_add(size_max, 0) == size_max && !checked_add(size_max, 1));
static_assert(checked_add(size_max / 2, size_max / 2 + 1) == size_max && !checked_add(size_max / 2 + 1, size_max / 2 + 1));
static_assert(checked_multiply(3, 4) == 12U && checked_multiply(size_max, 1) == size_max && checked_multiply(0, size_max) == 0U);
static_assert(!checked_multiply(size_max, 2) && !checked_multiply(std::size_t{1} << 32, std::size_t{1} << 32));
static_assert(checked_multiply(std::size_t{1} << 32, (std::size_t{1} << 32) - 1).has_value());

TEST(Units, BytesBelowOneKiB) {
    EXPECT_EQ(format_bytes(0), "0 bytes");
    EXPECT_EQ(format_bytes(1), "1 byte");
    EXPECT_EQ(format_bytes(2), "2 bytes");
    EXPECT_EQ(format_bytes(1023), "1023 bytes");
}

TEST(Units, WholeUnitsCarryNoBracket) {
    EXPECT_EQ(format_bytes(1_KiB), "1 KiB");
    EXPECT_EQ(format_bytes(64_KiB), "64 KiB");
    EXPECT_EQ(format_bytes(4_MiB), "4 MiB");
    EXPECT_EQ(format_bytes(2_GiB), "2 GiB");
    EXPECT_EQ(format_bytes(1024_GiB), "1 TiB");
    EXPECT_EQ(format_bytes(1024_GiB * 1024), "1 PiB");
}

TEST(Units, FractionsCarryTheExactNumber) {
    EXPECT_EQ(format_bytes(1536), "1.5 KiB (1536 bytes)");
    EXPECT_EQ(format_bytes(1025), "1.0 KiB (1025 bytes)");
    EXPECT_EQ(format_bytes(4_MiB + 1), "4.0 MiB (4194305 bytes)");
    EXPECT_EQ(format_bytes(10_MiB + 512_KiB), "10.5 MiB (11010048 bytes)");
}

TEST(Units, TheLargestNumberFits) {
    const std::string text = format_bytes(size_max);
    EXPECT_NE(text.find("18446744073709551615 bytes"), std::string::npos) << text;
    EXPECT_NE(text.find("PiB"), std::string::npos) << text;
}

}  // namespace
}  // namespace polder
