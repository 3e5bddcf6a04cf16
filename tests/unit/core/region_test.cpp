// SPDX-License-Identifier: Apache-2.0
//
// Plan: the anonymous region: base, alignment, length; commit and decommit by offset; refusals leave base() null or change nothing; the
// addresses are given up with the object.
#include "polder/core/region.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>

#include "polder/base/units.hpp"
#include "polder/core/types.hpp"
#include "support/faults.hpp"
#include "support/pattern.hpp"

namespace polder::core {
namespace {

TEST(Region, BaseIsAlignedToASlab) {
    const anonymous_region region(8_MiB);
    ASSERT_NE(region.base(), nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region.base()) % slab_bytes, 0U);
    EXPECT_EQ(region.bytes(), 8_MiB);
    EXPECT_FALSE(region.is_shared());
}

TEST(Region, CommitAndDecommitByOffset) {
    anonymous_region region(8_MiB);
    ASSERT_EQ(region.commit(4_MiB, 64_KiB), 0);
    const std::span<std::byte> bytes(region.base() + 4_MiB, 64_KiB);
    for (const std::byte b : bytes) ASSERT_EQ(b, std::byte{0});
    test::fill(bytes, 1);
    ASSERT_EQ(region.decommit(4_MiB + 16_KiB, 4_KiB), 0);
    EXPECT_EQ(test::first_difference(bytes.first(16_KiB), 1), test::intact);
    EXPECT_EQ(test::first_difference(bytes.subspan(20_KiB), 1, 20_KiB), test::intact);
    for (const std::byte b : bytes.subspan(16_KiB, 4_KiB)) ASSERT_EQ(b, std::byte{0});
}

TEST(Region, RefusedAddressesAreANullBase) {
    const test::fault_injection faults({.at = 1, .for_ever = true});
    const anonymous_region region(8_MiB);
    EXPECT_EQ(region.base(), nullptr);
}

TEST(Region, RefusedVerbsChangeNothing) {
    anonymous_region region(4_MiB);
    ASSERT_EQ(region.commit(0, 64_KiB), 0);
    const std::span<std::byte> bytes(region.base(), 64_KiB);
    test::fill(bytes, 2);
    const test::fault_injection faults({.at = 1, .for_ever = true, .error = EAGAIN});
    EXPECT_EQ(region.commit(0, 64_KiB), EAGAIN);
    EXPECT_EQ(region.decommit(0, 64_KiB), EAGAIN);
    EXPECT_EQ(test::first_difference(bytes, 2), test::intact);
}

TEST(Region, TenThousandRegionsFitIntoTheAddressSpaceOneAfterAnother) {
    for (int i = 0; i != 10'000; ++i) {
        const anonymous_region region(std::size_t{64} << 30);
        ASSERT_NE(region.base(), nullptr) << i;
    }
}

}  // namespace
}  // namespace polder::core
