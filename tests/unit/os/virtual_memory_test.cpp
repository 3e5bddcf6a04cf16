// SPDX-License-Identifier: Apache-2.0
//
// Plan: what each verb promises about contents and access; alignments; refusals: absurd sizes, a real limit of the system (in a child),
// and planned faults of every verb with any errno, which leave the range as it was.
#include "polder/os/virtual_memory.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <span>

#include "polder/base/units.hpp"
#include "support/faults.hpp"
#include "support/memory.hpp"
#include "support/scale.hpp"
#include "support/subprocess.hpp"

namespace polder::os {
namespace {

/// A reservation that is given up with the test.
struct range {
    explicit range(std::size_t length, std::size_t alignment = page_bytes()) : at(reserve(length, alignment)), bytes(length) {}
    ~range() {
        if (at != nullptr) unreserve(at, bytes);
    }
    range(const range&) = delete;
    range& operator=(const range&) = delete;

    std::byte* at;
    std::size_t bytes;
};

bool all_are(const std::byte* at, std::size_t bytes, int value) {
    return std::all_of(at, at + bytes, [value](std::byte b) { return b == static_cast<std::byte>(value); });
}

class VirtualMemoryDeathTest : public ::testing::Test {
protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST(VirtualMemory, PageSizeIsTheSystems) {
    EXPECT_EQ(page_bytes(), static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
    EXPECT_EQ(page_bytes() & (page_bytes() - 1), 0U);
}

TEST(VirtualMemory, ReservationsAreAligned) {
    for (std::size_t alignment = page_bytes(); alignment <= 64_MiB; alignment *= 2) {
        const range got(3 * page_bytes(), alignment);
        ASSERT_NE(got.at, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(got.at) % alignment, 0U);
        // The whole of it is ours, to the last byte.
        ASSERT_EQ(commit(got.at, got.bytes), 0);
        std::fill_n(got.at, got.bytes, std::byte{1});
    }
}

TEST(VirtualMemory, ReservationsAreDistinct) {
    const range a(1_MiB);
    const range b(1_MiB);
    ASSERT_TRUE(a.at != nullptr && b.at != nullptr);
    EXPECT_TRUE(a.at + a.bytes <= b.at || b.at + b.bytes <= a.at);
}

TEST(VirtualMemory, AddressSpaceCostsNoMemory) {
    const std::size_t before = test::resident_bytes();
    const range huge(8_GiB);
    ASSERT_NE(huge.at, nullptr);
    if (!test::sanitized()) {
        EXPECT_LT(test::resident_bytes(), before + 16_MiB);
    }
}

TEST_F(VirtualMemoryDeathTest, ReservedIsNotCommitted) {
    const range got(page_bytes());
    ASSERT_NE(got.at, nullptr);
    EXPECT_DEATH(*const_cast<volatile std::byte*>(got.at) = std::byte{1}, "");
}

TEST(VirtualMemory, CommittedReadsAsZeroAndKeepsWhatIsWritten) {
    const range got(64_KiB);
    ASSERT_EQ(commit(got.at, 32_KiB), 0);
    EXPECT_TRUE(all_are(got.at, 32_KiB, 0));
    std::fill_n(got.at, 32_KiB, std::byte{0x5a});
    ASSERT_EQ(commit(got.at, 64_KiB), 0) << "again, and more";
    EXPECT_TRUE(all_are(got.at, 32_KiB, 0x5a));
    EXPECT_TRUE(all_are(got.at + 32_KiB, 32_KiB, 0));
}

TEST(VirtualMemory, DecommittedReadsAsZeroAndStaysCommitted) {
    const range got(64_KiB);
    ASSERT_EQ(commit(got.at, got.bytes), 0);
    std::fill_n(got.at, got.bytes, std::byte{0x5a});
    ASSERT_EQ(decommit(got.at + 16_KiB, 16_KiB), 0);
    EXPECT_TRUE(all_are(got.at, 16_KiB, 0x5a));
    EXPECT_TRUE(all_are(got.at + 16_KiB, 16_KiB, 0));
    EXPECT_TRUE(all_are(got.at + 32_KiB, 32_KiB, 0x5a));
    std::fill_n(got.at + 16_KiB, 16_KiB, std::byte{0x33});
    EXPECT_TRUE(all_are(got.at + 16_KiB, 16_KiB, 0x33));
}

TEST(VirtualMemory, DecommitGivesMemoryBack) {
    if (test::sanitized()) GTEST_SKIP() << "shadow memory blurs the measurement";
    const range got(64_MiB);
    ASSERT_EQ(commit(got.at, got.bytes), 0);
    std::fill_n(got.at, got.bytes, std::byte{1});
    const std::size_t full = test::resident_bytes();
    ASSERT_EQ(decommit(got.at, got.bytes), 0);
    EXPECT_LT(test::resident_bytes() + 60_MiB, full);
}

TEST(VirtualMemory, WeakenedKeepsItsContentsOrReadsAsZero) {
    const range got(64_KiB);
    ASSERT_EQ(commit(got.at, got.bytes), 0);
    std::fill_n(got.at, got.bytes, std::byte{0x5a});
    const int error = weaken(got.at, got.bytes);
    ASSERT_TRUE(error == 0 || error == EINVAL);
    for (std::size_t at = 0; at != got.bytes; at += page_bytes())
        EXPECT_TRUE(all_are(got.at + at, page_bytes(), 0x5a) || all_are(got.at + at, page_bytes(), 0));
    // Written again, a page stays.
    std::fill_n(got.at, got.bytes, std::byte{0x33});
    EXPECT_TRUE(all_are(got.at, got.bytes, 0x33));
}

TEST(VirtualMemory, AbsurdSizesAreRefused) {
    constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();
    for (const std::size_t bytes : {size_max & ~std::size_t{4095}, size_max / 2 + 1, std::size_t{1} << 50})
        for (const std::size_t alignment : {page_bytes(), std::size_t{4_MiB}}) {
            errno = 0;
            EXPECT_EQ(reserve(bytes, alignment), nullptr) << bytes;
            EXPECT_EQ(errno, ENOMEM) << bytes;
        }
}

TEST(VirtualMemory, PhysicalMemoryIsPlausible) {
    const std::size_t machine = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * page_bytes();
    EXPECT_GT(physical_memory_bytes(), 16_MiB);
    EXPECT_LE(physical_memory_bytes(), machine);
    EXPECT_EQ(physical_memory_bytes(), physical_memory_bytes());
}

TEST(VirtualMemory, ALimitOfTheSystemIsAnErrorNotADeath) {
    if (test::sanitized()) GTEST_SKIP() << "sanitizers need the address space themselves";
    const auto ended = test::in_child([] {
        const rlimit none{128_MiB, 128_MiB};
        if (setrlimit(RLIMIT_DATA, &none) != 0) return 0;  // not ours to judge
        std::byte* const at = reserve(1_GiB, page_bytes());
        if (at == nullptr) return 1;
        if (commit(at, 1_GiB) != ENOMEM) return 2;
        if (commit(at, 64_KiB) != 0) return 3;
        at[0] = std::byte{1};
        return 0;
    });
    EXPECT_TRUE(ended.exited_with(0)) << ended.status << ended.text;
}

TEST(VirtualMemory, PlannedFaultsComeBackAsErrnoAndChangeNothing) {
    const range got(64_KiB);
    ASSERT_EQ(commit(got.at, got.bytes), 0);
    std::fill_n(got.at, got.bytes, std::byte{0x5a});
    for (const int error : {ENOMEM, EAGAIN, EINVAL}) {
        const test::fault_injection faults({.at = 1, .for_ever = true, .error = error});
        errno = 0;
        EXPECT_EQ(reserve(page_bytes(), page_bytes()), nullptr);
        EXPECT_EQ(errno, error);
        EXPECT_EQ(commit(got.at, got.bytes), error);
        EXPECT_EQ(decommit(got.at, got.bytes), error);
        EXPECT_EQ(weaken(got.at, got.bytes), error);
        EXPECT_EQ(faults.injected(), 4U);
    }
    EXPECT_TRUE(all_are(got.at, got.bytes, 0x5a));
    EXPECT_EQ(decommit(got.at, got.bytes), 0) << "the plan is gone";
}

TEST(VirtualMemory, APlanMayChooseTheCallAndTheVerb) {
    const range got(64_KiB);
    const test::fault_injection faults({.at = 2, .verb = "commit"});
    EXPECT_EQ(commit(got.at, got.bytes), 0);
    EXPECT_EQ(decommit(got.at, got.bytes), 0);
    EXPECT_EQ(commit(got.at, got.bytes), ENOMEM);
    EXPECT_EQ(commit(got.at, got.bytes), 0);
    EXPECT_EQ(faults.calls(), 3U);
    EXPECT_EQ(faults.injected(), 1U);
}

}  // namespace
}  // namespace polder::os
