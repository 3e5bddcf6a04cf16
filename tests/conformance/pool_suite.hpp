// SPDX-License-Identifier: Apache-2.0
//
// The contract of a pool, as one typed suite in parts. Every face of an arena instantiates it through an adapter, a `pool_face`:
//
//     struct my_face { …the members that the concept names… };
//     POLDER_INSTANTIATE_POOL_SUITE(Mine, my_face);
//
// A face of one size (a pool of objects) skips by itself what needs several.
#pragma once

#include "conformance/suite/counting.hpp"
#include "conformance/suite/faults.hpp"
#include "conformance/suite/lifetime.hpp"
#include "conformance/suite/limits.hpp"
#include "conformance/suite/serving.hpp"
#include "conformance/suite/threads.hpp"
#include "conformance/suite/upkeep.hpp"

// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): GoogleTest instantiates by macro only
#define POLDER_INSTANTIATE_POOL_SUITE(prefix, face)             \
    INSTANTIATE_TYPED_TEST_SUITE_P(prefix, PoolServing, face);  \
    INSTANTIATE_TYPED_TEST_SUITE_P(prefix, PoolCounting, face); \
    INSTANTIATE_TYPED_TEST_SUITE_P(prefix, PoolLimits, face);   \
    INSTANTIATE_TYPED_TEST_SUITE_P(prefix, PoolUpkeep, face);   \
    INSTANTIATE_TYPED_TEST_SUITE_P(prefix, PoolLifetime, face); \
    INSTANTIATE_TYPED_TEST_SUITE_P(prefix, PoolThreads, face);  \
    INSTANTIATE_TYPED_TEST_SUITE_P(prefix, PoolFaults, face)
