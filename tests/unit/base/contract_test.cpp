// SPDX-License-Identifier: Apache-2.0
//
// Plan: an invariant that holds is silent; one that does not aborts with its words and its place in checked builds and costs nothing
// in others; the failure itself aborts in every build.
#include "polder/base/contract.hpp"

#include <gtest/gtest.h>

namespace polder {
namespace {

class ContractDeathTest : public ::testing::Test {
protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST(Contract, WhatHoldsIsSilent) { invariant(true, "one is one"); }

TEST_F(ContractDeathTest, FailureNamesWhatAndWhere) {
    EXPECT_DEATH(invariant_failed("the sum is kept", "place.cpp", 17), "broken invariant: the sum is kept \\(place\\.cpp:17\\)");
}

TEST_F(ContractDeathTest, BrokenInvariantStopsCheckedBuilds) {
#if POLDER_CHECKED
    EXPECT_DEATH(invariant(false, "water runs uphill"), "water runs uphill \\(.*contract_test\\.cpp:[0-9]+\\)");
#else
    invariant(false, "water runs uphill");
#endif
}

}  // namespace
}  // namespace polder
