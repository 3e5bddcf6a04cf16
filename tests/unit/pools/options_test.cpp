// SPDX-License-Identifier: Apache-2.0
//
// Plan: the defaults; every contradiction is refused with the pool's name, the setting and the number; nothing is left behind; the ends
// of what is allowed; no limit at all.
#include "polder/pools/options.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "polder/os/virtual_memory.hpp"
#include "polder/polder.hpp"
#include "support/memory.hpp"
#include "support/scale.hpp"

namespace polder {
namespace {

constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();

std::vector<std::size_t> multiples(std::size_t step, std::size_t count) {
    std::vector<std::size_t> tiers;
    for (std::size_t i = 1; i <= count; ++i) tiers.push_back(i * step);
    return tiers;
}

void expect_refused(buffer_pool_options options, const std::string& setting, std::size_t value) {
    SCOPED_TRACE(setting + " = " + std::to_string(value));
    options.name = "crooked";
    try {
        const buffer_pool pool(std::move(options));
        ADD_FAILURE() << "accepted";
    } catch (const invalid_option& caught) {
        const std::string text = caught.what();
        EXPECT_NE(text.find("crooked"), std::string::npos) << text;
        EXPECT_NE(text.find(setting), std::string::npos) << text;
        EXPECT_NE(text.find(std::to_string(value)), std::string::npos) << text;
        EXPECT_EQ(caught.code(), errc::invalid_option);
        EXPECT_EQ(caught.details().pool, "crooked");
        EXPECT_NE(caught.details().setting.find(setting), std::string::npos);
    }
}

TEST(Options, DefaultsAreBounded) {
    EXPECT_EQ(default_committed_bytes_max(), os::physical_memory_bytes() / 2);
    EXPECT_GE(default_idle_bytes_max(), 256_MiB);
    EXPECT_LE(default_idle_bytes_max(), 4_GiB);
    const buffer_pool pool;
    EXPECT_EQ(pool.options().committed_bytes_max, default_committed_bytes_max());
    EXPECT_EQ(pool.options().idle_bytes_max, std::min(default_idle_bytes_max(), default_committed_bytes_max()));
    EXPECT_TRUE(pool.options().colouring && pool.options().per_cpu_caches);
    EXPECT_TRUE(
        std::equal(default_tiers().begin(), default_tiers().end(), pool.options().tiers.begin(), pool.options().tiers.end()));
}

TEST(Options, UnnamedPoolsAreNumbered) {
    const buffer_pool a, b;
    EXPECT_EQ(a.name().rfind("buffer_pool #", 0), 0U) << a.name();
    EXPECT_NE(a.name(), b.name());
    EXPECT_EQ(a.stats().name, a.name());
    EXPECT_EQ(buffer_pool({.name = "images"}).name(), "images");
}

TEST(Options, WrongTiersAreRefused) {
    expect_refused({.tiers = {0}}, "tiers", 0);
    expect_refused({.tiers = {64, 0}}, "tiers", 0);
    expect_refused({.tiers = {1}}, "tiers", 1);
    expect_refused({.tiers = {64, 100}}, "tiers", 100);
    expect_refused({.tiers = {63}}, "tiers", 63);
    expect_refused({.tiers = {128, 64}}, "tiers", 64);
    expect_refused({.tiers = {64, 64}}, "tiers", 64);
    expect_refused({.tiers = {64, 128, 128, 256}}, "tiers", 128);
    expect_refused({.tiers = {64, 4_MiB + 64}}, "tiers", 4_MiB + 64);
    expect_refused({.tiers = {size_max - 63}}, "tiers", size_max - 63);
    expect_refused({.tiers = {size_max}}, "tiers", size_max);
    expect_refused({.tiers = multiples(64, 161)}, "tiers", 161);
    expect_refused({.tiers = multiples(64, 10'000)}, "tiers", 10'000);
}

TEST(Options, ACapThatNothingFitsUnderIsRefused) {
    expect_refused({.committed_bytes_max = 0}, "committed_bytes_max", 0);
    expect_refused({.committed_bytes_max = 63}, "committed_bytes_max", 63);
    expect_refused({.tiers = {4096}, .committed_bytes_max = 4095}, "committed_bytes_max", 4095);
}

TEST(Options, TheEndsOfWhatIsAllowed) {
    const std::vector<buffer_pool_options> fine{
        {.tiers = {64}},
        {.tiers = {4_MiB}},
        {.tiers = multiples(64, 160)},
        {.tiers = {64, 4_MiB - 64}},
        {.tiers = {64, 192, 4032, 1_MiB + 64}},
        {.committed_bytes_max = 64, .idle_bytes_max = 0},
        {.committed_bytes_max = 64_MiB, .idle_bytes_max = 0},
        {.committed_bytes_max = 64_MiB, .idle_bytes_max = size_max},
        {.idle_bytes_max = 1},
        {.colouring = false, .per_cpu_caches = false},
    };
    for (const auto& options : fine) {
        buffer_pool pool(options);
        EXPECT_LE(pool.options().idle_bytes_max, pool.options().committed_bytes_max);
        for (int round = 0; round != 3; ++round)
            for (const std::size_t size :
                 {std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{4096}, std::size_t{1_MiB}, std::size_t{5_MiB}}) {
                if (pool.slot_bytes_for(size) == 0) {
                    EXPECT_THROW(pool.acquire(size), invalid_size);
                    continue;
                }
                buffer b = pool.acquire(size);
                EXPECT_GE(b.capacity(), size);
                EXPECT_LE(b.capacity(), pool.slot_bytes_for(size));
                b.data()[size - 1] = std::byte{1};
            }
        EXPECT_LE(pool.stats().idle_bytes, pool.options().idle_bytes_max);
    }
}

TEST(Options, WithoutIdleMemoryEverythingGoesBackAtOnce) {
    buffer_pool pool({.committed_bytes_max = 64_MiB, .idle_bytes_max = 0});
    {
        std::vector<buffer> live;
        for (int i = 0; i != 20; ++i) live.push_back(pool.acquire(1_MiB));
    }
    EXPECT_EQ(pool.stats().idle_bytes, 0U);
    EXPECT_EQ(pool.stats().committed_bytes, 0U);
}

TEST(Options, NoLimitIsALimitThatIsNeverReached) {
    for (const std::size_t cap : {size_max, size_max - 1, size_max - 4_MiB, size_max / 2, std::size_t{1} << 45}) {
        SCOPED_TRACE(cap);
        buffer_pool pool({.name = "boundless", .committed_bytes_max = cap, .idle_bytes_max = 0});
        // More address space than a small arena has; the bytes are not touched.
        std::vector<buffer> live;
        for (int i = 0; i != 40; ++i) ASSERT_NO_THROW(live.push_back(pool.acquire(60_MiB))) << i;
        EXPECT_THROW(pool.acquire(size_max), invalid_size);
        EXPECT_THROW(pool.acquire(size_max - 63), invalid_size);
        // Beyond all addresses, and where a count of slabs would not fit in 32 bits.
        for (const unsigned shift : {40U, 47U, 53U, 54U, 55U, 60U, 62U, 63U})
            for (const std::size_t size : {(std::size_t{1} << shift) - 1, std::size_t{1} << shift, (std::size_t{1} << shift) + 1})
                EXPECT_THROW(pool.acquire(size), error) << size;
        EXPECT_EQ(pool.stats().buffers_in_use, 40U);
    }
}

TEST(Options, RefusedOptionsLeaveNothingBehind) {
    const std::size_t before = test::resident_bytes();
    for (std::size_t i = 0; i != test::scaled(5000); ++i) EXPECT_THROW(buffer_pool({.tiers = {1}}), invalid_option);
    if (!test::sanitized()) {
        EXPECT_LT(test::resident_bytes(), before + 4_MiB);
    }
}

TEST(Options, AnyNameIsAName) {
    for (const std::string& name :
         {std::string(10'000, 'x'), std::string("%s %n %d"), std::string("line\nbreak"), std::string("größer")}) {
        buffer_pool pool({.name = name, .committed_bytes_max = 1_MiB});
        try {
            pool.acquire(2_MiB);
            ADD_FAILURE();
        } catch (const invalid_size& caught) {
            EXPECT_NE(std::string(caught.what()).find(name), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace polder
