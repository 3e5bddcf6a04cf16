// SPDX-License-Identifier: Apache-2.0
//
// Plan: what the default handler prints, word for word, for each kind, and that it aborts, on a fast and on a slow path; that a handler of
// one's own replaces it and that nullptr brings it back.
#include <gtest/gtest.h>

#include <string>

#include "polder/polder.hpp"
#include "violation_suite.hpp"

namespace polder {
namespace {

using test::attach_after_reuse;
using test::stray_copy;

class MisuseDeathTest : public ::testing::Test {
protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
    buffer_pool pool{{.name = "images"}};
};

TEST_F(MisuseDeathTest, DoubleRelease) {
    EXPECT_DEATH(
        {
            void* const p = pool.allocate(2000);
            pool.deallocate(p);
            pool.deallocate(p);
        },
        "^polder: double_release in pool \"images\": slot [0-9]+ of 2 KiB at 0x[0-9a-f]+ was already given back \\(acquisition 1 "
        "of that "
        "slot\\)\\. Likely cause: two owners of one buffer, or a raw pointer released twice\\. Nothing was released\\.\n");
}

TEST_F(MisuseDeathTest, DoubleReleaseByAStrayCopy) {
    EXPECT_DEATH(
        {
            buffer b = pool.acquire(100);
            stray_copy copy(b);
            b.reset();
            copy.release();
        },
        "polder: double_release in pool \"images\": slot [0-9]+ of 128 bytes at 0x[0-9a-f]+ was already given back");
}

TEST_F(MisuseDeathTest, StaleHandle) {
    EXPECT_DEATH(
        attach_after_reuse(pool, 3),
        "polder: stale_handle in pool \"images\": slot [0-9]+ of 2 KiB at 0x[0-9a-f]+ was given back and acquired again since: the "
        "handle is of acquisition 1, the slot is at acquisition 4\\. Likely cause: a detached buffer or a copy of a pointer kept "
        "after its release\\. Nothing was released\\.\n");
}

TEST_F(MisuseDeathTest, ForeignPointer) {
    EXPECT_DEATH(
        {
            int on_stack = 0;
            pool.deallocate(&on_stack);
        },
        "polder: foreign_pointer in pool \"images\": 0x[0-9a-f]+ is not memory of any pool\\. Likely cause: memory of another "
        "allocator, or "
        "a damaged pointer\\. Nothing was released\\.\n");
}

TEST_F(MisuseDeathTest, InteriorPointer) {
    EXPECT_DEATH(
        {
            auto* const p = static_cast<std::byte*>(pool.allocate(2000));
            pool.deallocate(p + 7);
        },
        "polder: interior_pointer in pool \"images\": 0x[0-9a-f]+ lies inside slot [0-9]+ of 2 KiB, not at its beginning\\. Likely "
        "cause: "
        "the pointer was advanced while the buffer was in use\\. Nothing was released\\.\n");
}

TEST_F(MisuseDeathTest, WrongPool) {
    buffer_pool other({.name = "sounds"});
    EXPECT_DEATH(pool.deallocate(other.allocate(10)),
                 "polder: wrong_pool in pool \"images\": 0x[0-9a-f]+ belongs to pool \"sounds\"\\. Likely cause: two pools in "
                 "scope, and the "
                 "release went to the wrong one\\. Nothing was released\\.\n");
}

TEST_F(MisuseDeathTest, WrongSize) {
    EXPECT_DEATH(
        pool.deallocate(pool.allocate(2000), 1999),
        "polder: wrong_size in pool \"images\": slot [0-9]+ of 2 KiB at 0x[0-9a-f]+ was allocated with 2.0 KiB \\(2000 bytes\\) "
        "and "
        "is given back with 2.0 KiB \\(1999 bytes\\)\\. Likely cause: a size that changed between the two calls\\. Nothing was "
        "released\\.\n");
}

TEST_F(MisuseDeathTest, AttachedTwice) {
    EXPECT_DEATH(
        {
            const detached_buffer value = pool.acquire(2000).detach();
            const buffer first = pool.attach(value);
            const buffer second = pool.attach(value);
        },
        "polder: double_release in pool \"images\"");
}

TEST_F(MisuseDeathTest, ItAborts) {
    void* const p = pool.allocate(2000);
    pool.deallocate(p);
    EXPECT_EXIT(pool.deallocate(p), ::testing::KilledBySignal(SIGABRT), "double_release");
}

int handled = 0;

TEST_F(MisuseDeathTest, AHandlerReplacesItAndNullBringsItBack) {
    const violation_handler before = set_violation_handler([](const violation&) { ++handled; });
    void* const p = pool.allocate(2000);
    pool.deallocate(p);
    pool.deallocate(p);
    EXPECT_EQ(handled, 1);
    EXPECT_NE(set_violation_handler(nullptr), nullptr);
    EXPECT_DEATH(pool.deallocate(p), "double_release");
    EXPECT_EQ(set_violation_handler(before), before) << "nullptr is the default handler, by another name";
}

}  // namespace
}  // namespace polder
