// SPDX-License-Identifier: Apache-2.0
//
// Plan: the slab word taken apart and put together for all states, classes and ends of its numbers; zero is a free slab; the record is
// one cache line.
#include "polder/core/slab.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace polder::core {
namespace {

static_assert(slab_word{}.bits() == 0 && slab_word::from(0).state == slab_state::free);
static_assert(sizeof(slab_record) == 64 && alignof(slab_record) == 64);

TEST(Slab, WordsSurviveTheRoundTrip) {
    for (const auto state : {slab_state::free, slab_state::claiming, slab_state::assigned, slab_state::retiring, slab_state::tail})
        for (unsigned cls = 0; cls != 256; ++cls)
            for (const std::uint32_t session : {0U, 1U, 47U, 0xffffU})
                for (const std::uint32_t length : {0U, 1U, 2U, 16U, 0xffffU, 0xffff'ffffU}) {
                    const slab_word word{state, static_cast<class_number>(cls), static_cast<std::uint16_t>(session), length};
                    const slab_word back = slab_word::from(word.bits());
                    ASSERT_EQ(back.state, state);
                    ASSERT_EQ(back.cls, cls);
                    ASSERT_EQ(back.session, session);
                    ASSERT_EQ(back.length, length);
                    ASSERT_EQ(back.bits(), word.bits());
                }
}

TEST(Slab, AZeroRecordIsAFreeSlabThatWasNeverUsed) {
    const auto record = std::make_unique<slab_record>();
    EXPECT_EQ(slab_word::from(record->word.load()).state, slab_state::free);
    EXPECT_EQ(record->busy.load() + record->used.load() + record->retired.load() + record->warm_bytes.load(), 0U);
}

}  // namespace
}  // namespace polder::core
