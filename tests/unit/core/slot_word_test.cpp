// SPDX-License-Identifier: Apache-2.0
//
// Plan: the tags do not collide; each predicate against every tag; retag keeps the generation, at 0 and at its largest; retired and back;
// the arithmetic of the restartable sequence (CACHED(cpu) → HELD, one generation more) for every CPU number.
#include "polder/core/slot_word.hpp"

#include <gtest/gtest.h>

#include <set>

#include "polder/core/types.hpp"

namespace polder::core {
namespace {

constexpr word_bits tags[] = {tag_free_cold,
                              tag_free_warm,
                              tag_held,
                              tag_orphaned,
                              tag_transit,
                              tag_trimming,
                              tag_retired_cold,
                              tag_retired_warm,
                              kind_cached,
                              kind_cached | 1,
                              kind_cached | (cpus_max - 1)};
constexpr word_bits generations[] = {0, 1, 2, 0xffff'ffff, (word_bits{1} << 48) - 1};

TEST(SlotWord, TagsAreDistinctAndFitBelowTheGeneration) {
    EXPECT_EQ(std::set<word_bits>(std::begin(tags), std::end(tags)).size(), std::size(tags));
    for (const word_bits tag : tags) EXPECT_EQ(tag & ~tag_mask, 0U);
    EXPECT_EQ(tag_free_cold, 0U) << "fresh memory needs no initialisation";
    EXPECT_EQ(cpus_max - 1, tag_mask & ~kind_mask) << "`who` can name every CPU";
}

TEST(SlotWord, EachWordIsOfOneKind) {
    for (const word_bits generation : generations)
        for (const word_bits tag : tags) {
            const word_bits word = generation << 16 | tag;
            const bool is_special = kind_of(word) == kind_special;
            EXPECT_EQ(int{is_free(word)} + int{is_held(word)} + int{is_cached(word)} + int{is_special}, 1) << word;
            EXPECT_EQ(generation_of(word), generation);
            EXPECT_EQ(tag_of(word), tag);
        }
}

TEST(SlotWord, OnlyTwoTagsAreCold) {
    for (const word_bits tag : tags) {
        const word_bits word = 5 * generation_one | tag;
        EXPECT_EQ(is_warm(word), tag != tag_free_cold && tag != tag_retired_cold) << tag;
        EXPECT_EQ(is_retired(word), tag == tag_retired_cold || tag == tag_retired_warm) << tag;
    }
}

TEST(SlotWord, RetagKeepsTheGeneration) {
    for (const word_bits generation : generations)
        for (const word_bits from : tags)
            for (const word_bits to : tags) EXPECT_EQ(retag(generation << 16 | from, to), generation << 16 | to);
}

TEST(SlotWord, RetiredAndBack) {
    for (const word_bits generation : generations)
        for (const word_bits tag : {tag_free_cold, tag_free_warm}) {
            const word_bits word = generation << 16 | tag;
            const word_bits retired = to_retired(word);
            EXPECT_TRUE(is_retired(retired));
            EXPECT_EQ(is_warm(retired), is_warm(word));
            EXPECT_EQ(generation_of(retired), generation);
            EXPECT_EQ(to_free(retired), word);
        }
}

TEST(SlotWord, TheSequencesArithmeticTurnsCachedIntoHeld) {
    for (word_bits cpu = 0; cpu != cpus_max; ++cpu) {
        const word_bits cached = retag(41 * generation_one | tag_held, kind_cached) + cpu;
        ASSERT_TRUE(is_cached(cached));
        ASSERT_EQ(cached + (generation_one + tag_held - kind_cached) - cpu, 42 * generation_one | tag_held);
        ASSERT_EQ(cached + (tag_free_warm - kind_cached) - cpu, 41 * generation_one | tag_free_warm);
        ASSERT_EQ(cached + (tag_transit - kind_cached) - cpu, 41 * generation_one | tag_transit);
    }
}

TEST(SlotWord, NumbersOfSlots) {
    static_assert(slab_of(make_slot(0xffff, 0xffff)) == 0xffff && place_of(make_slot(0xffff, 0xffff)) == 0xffff);
    static_assert(slab_of(make_slot(3, 7)) == 3 && place_of(make_slot(3, 7)) == 7 && make_slot(0, 0) == 0);
    static_assert(slot_bytes_min == 64 && slab_bytes == 4U << 20 && slots_per_slab_max == 65536);
}

}  // namespace
}  // namespace polder::core
