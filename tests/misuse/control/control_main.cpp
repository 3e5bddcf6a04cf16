// SPDX-License-Identifier: Apache-2.0
//
// Plan, the positive control: the mistakes that only the word tells, in two programs that differ in one thing, the library of one was
// compiled with POLDER_NO_WORD_CHECK.
//   defended     each is reported, and the slot keeps its owner
//   undefended   none is reported, and a slot gets two owners: so it is the word check, and nothing else, that the tests beside this prove
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "misuse/violation_suite.hpp"
#include "polder/polder.hpp"
#include "support/violations.hpp"

namespace polder::test {
namespace {

#if defined(POLDER_NO_WORD_CHECK)
constexpr bool is_defended = false;
#else
constexpr bool is_defended = true;
#endif

/// True when two of `count` buffers acquired now, or one of them and `owner`, are the same bytes. They are never given back: with two
/// owners, somebody would be the second.
bool has_two_owners(buffer_pool& pool, const buffer& owner, std::size_t count) {
    auto& never_destroyed = *new std::vector<buffer>;
    std::vector<const std::byte*> places{owner.data()};
    for (std::size_t i = 0; i != count; ++i) {
        never_destroyed.push_back(pool.acquire(2048));
        places.push_back(never_destroyed.back().data());
    }
    std::sort(places.begin(), places.end());
    return std::adjacent_find(places.begin(), places.end()) != places.end();
}

class MisuseControl : public ::testing::TestWithParam<bool> {
protected:
    // Never destroyed: what the undefended library leaves behind is nothing to be tidied up.
    buffer_pool& pool = *new buffer_pool({.name = "guarded", .per_cpu_caches = GetParam()});
    violation_recorder recorder;
};

TEST_P(MisuseControl, AHandleReleasedTwice) {
    buffer b = pool.acquire(2048);
    stray_copy copy(b);
    b.reset();
    copy.release();
    EXPECT_EQ(recorder.count(violation_kind::double_release), is_defended ? 1U : 0U);
}

TEST_P(MisuseControl, AHandleReleasedWhenTheSlotHasANewOwner) {
    buffer b = pool.acquire(2048);
    const std::uint32_t slot = b.slot();
    stray_copy copy(b);
    b.reset();
    auto& owners = *new std::vector<buffer>;
    do owners.push_back(pool.acquire(2048));
    while (owners.back().slot() != slot && owners.size() != 100'000);
    ASSERT_EQ(owners.back().slot(), slot);
    copy.release();
    EXPECT_EQ(recorder.count(violation_kind::stale_handle), is_defended ? 1U : 0U);
    EXPECT_EQ(has_two_owners(pool, owners.back(), 1000), !is_defended);
}

INSTANTIATE_TEST_SUITE_P(PerCpu, MisuseControl, ::testing::Bool(),
                         [](const auto& info) { return std::string(info.param ? "with_cpu_caches" : "without"); });

}  // namespace
}  // namespace polder::test
