// SPDX-License-Identifier: Apache-2.0
//
// Plan: class_of against a linear search, for every small size and around every boundary, in the default table, in dense, sparse, tiny and
// full tables; the shape of the table (ascending, runs above, whole slabs for a low top tier); places and reciprocals.
#include "polder/core/size_class.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "polder/base/units.hpp"
#include "polder/pools/options.hpp"
#include "support/random.hpp"
#include "support/scale.hpp"

namespace polder::core {
namespace {

constexpr std::size_t tiers_possible = 160;

std::vector<std::size_t> multiples(std::size_t step, std::size_t count, std::size_t first = 0) {
    std::vector<std::size_t> tiers;
    for (std::size_t i = 1; i <= count; ++i) tiers.push_back(first + i * step);
    return tiers;
}

class_number by_search(const size_class_table& table, std::size_t bytes) {
    class_number c = 0;
    while (table[c].slot_bytes < bytes) ++c;
    return c;
}

void expect_minimal(const size_class_table& table, std::size_t bytes) {
    ASSERT_EQ(table.class_of(bytes), by_search(table, bytes)) << "size " << bytes;
}

void expect_minimal_everywhere(const std::vector<std::size_t>& tiers) {
    const auto table = std::make_unique<size_class_table>(tiers);
    const std::size_t dense_end = std::min<std::size_t>(table->largest(), test::scaled<std::size_t>(3000, 70'000, 600'000));
    for (std::size_t bytes = 1; bytes <= dense_end; ++bytes) ASSERT_NO_FATAL_FAILURE(expect_minimal(*table, bytes));
    for (std::size_t c = 0; c != table->count(); ++c) {
        const std::size_t bytes = (*table)[static_cast<class_number>(c)].slot_bytes;
        for (const std::size_t near : {bytes - 64, bytes - 63, bytes - 1, bytes, bytes + 1, bytes + 63, bytes + 64})
            if (near >= 1 && near <= table->largest()) {
                ASSERT_NO_FATAL_FAILURE(expect_minimal(*table, near));
            }
    }
    test::random random;
    for (std::size_t i = 0; i != test::scaled(20'000); ++i)
        ASSERT_NO_FATAL_FAILURE(expect_minimal(*table, std::min(random.log_uniform(1, table->largest()), table->largest())));
}

TEST(SizeClass, MinimalInTheDefaultTable) { expect_minimal_everywhere({default_tiers().begin(), default_tiers().end()}); }

TEST(SizeClass, MinimalInDenseTables) {
    expect_minimal_everywhere(multiples(64, tiers_possible));
    expect_minimal_everywhere(multiples(64, tiers_possible, 2_MiB));
    expect_minimal_everywhere(multiples(64, tiers_possible, 4_MiB - tiers_possible * 64));
    expect_minimal_everywhere(multiples(4096, tiers_possible));
}

TEST(SizeClass, MinimalInSparseTables) {
    expect_minimal_everywhere({64});
    expect_minimal_everywhere({4_MiB});
    expect_minimal_everywhere({64, 4_MiB});
    expect_minimal_everywhere({2048});
    expect_minimal_everywhere({128, 192, 64_KiB, 64_KiB + 64});
}

TEST(SizeClass, MinimalInRandomTables) {
    test::random random;
    for (std::size_t i = 0; i != test::scaled<std::size_t>(2, 20, 200); ++i) {
        std::vector<std::size_t> tiers;
        for (std::size_t k = random.between(1, tiers_possible); k != 0; --k)
            tiers.push_back((random.log_uniform(64, 4_MiB) + 63) / 64 * 64);
        std::sort(tiers.begin(), tiers.end());
        tiers.erase(std::unique(tiers.begin(), tiers.end()), tiers.end());
        ASSERT_NO_FATAL_FAILURE(expect_minimal_everywhere(tiers));
    }
}

TEST(SizeClass, StepsNeverDescend) {
    EXPECT_EQ(size_step_of(1), size_step_of(64));
    for (std::size_t bytes = 1; bytes != 100'000; ++bytes) ASSERT_LE(size_step_of(bytes), size_step_of(bytes + 1)) << bytes;
}

TEST(SizeClass, TheTableAscendsAndEndsAt64MiB) {
    for (const auto& tiers : {std::vector<std::size_t>(default_tiers().begin(), default_tiers().end()),
                              multiples(64, tiers_possible), std::vector<std::size_t>{2048}}) {
        const auto table = std::make_unique<size_class_table>(tiers);
        EXPECT_EQ(table->tier_count(), tiers.size());
        EXPECT_EQ(table->largest(), size_class_table::cacheable_bytes_max);
        EXPECT_LE(table->count(), size_class_table::classes_max);
        std::size_t last = 0;
        for (std::size_t i = 0; i != table->count(); ++i) {
            const size_class& c = (*table)[static_cast<class_number>(i)];
            EXPECT_GT(c.slot_bytes, last);
            last = c.slot_bytes;
            if (c.slot_bytes <= slab_bytes) {
                EXPECT_EQ(c.slabs, 1U);
                EXPECT_EQ(c.slots, slab_bytes / c.slot_bytes);
            } else {
                EXPECT_EQ(c.slot_bytes, c.slabs * slab_bytes);
                EXPECT_EQ(c.slots, 1U);
            }
            if (i < tiers.size()) {
                EXPECT_EQ(c.slot_bytes, tiers[i]);
            }
        }
        EXPECT_EQ(table->class_of(table->largest()), table->count() - 1);
    }
}

TEST(SizeClass, WithoutRunsTheTopTierIsTheLargest) {
    const std::vector<std::size_t> tiers{64, 4096};
    const auto table = std::make_unique<size_class_table>(tiers, false);
    EXPECT_EQ(table->count(), 2U);
    EXPECT_EQ(table->largest(), 4096U);
    EXPECT_EQ(table->class_of(65), 1U);
    EXPECT_EQ(table->class_of(64), 0U);
}

TEST(SizeClass, DefaultTiersWasteAQuarterAtMost) {
    const auto tiers = default_tiers();
    EXPECT_EQ(tiers.front(), 64U);
    EXPECT_EQ(tiers.back(), 4_MiB);
    for (std::size_t i = 1; i != tiers.size(); ++i) {
        EXPECT_GT(tiers[i], tiers[i - 1]);
        EXPECT_EQ(tiers[i] % 64, 0U);
        // "a slot is at most a quarter larger than the request"; below 256 bytes the step of 64 is the limit.
        EXPECT_TRUE(tiers[i] * 4 <= tiers[i - 1] * 5 || tiers[i] - tiers[i - 1] == 64) << tiers[i];
    }
}

}  // namespace
}  // namespace polder::core
