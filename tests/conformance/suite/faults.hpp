// SPDX-License-Identifier: Apache-2.0
//
// Of the pool suite: the system refuses. The k-th system call fails, for every k that a piece of work makes, once and for ever after:
// each step then succeeds or says why and changed nothing, and when the system is kind again everything works.
#pragma once

#include <cerrno>

#include "conformance/pool_face.hpp"
#include "support/faults.hpp"

namespace polder::test {

template <typename Face>
class PoolFaults : public PoolSuite<Face> {
protected:
    using suite = PoolSuite<Face>;
    using owned = typename suite::owned;

    /// One step of the work: served, or refused with everything as before.
    static void try_one(typename Face::pool& pool, std::size_t size, bool must_succeed, std::vector<owned>& live) {
        const pool_stats before = Face::counts(pool);
        std::error_code error;
        owned got{Face::try_acquire(pool, size, error), 0};
        if (!error) {
            got.renew(size + live.size());
            live.push_back(std::move(got));
            return;
        }
        EXPECT_FALSE(must_succeed) << size << ": " << error.message();
        EXPECT_TRUE(error == errc::out_of_memory || error == errc::exhausted) << error.message();
        EXPECT_TRUE(Face::bytes(got.bytes).empty());
        expect_same_holdings(before, Face::counts(pool));
    }

    static void work(typename Face::pool& pool, bool must_succeed) {
        std::vector<owned> live;
        for (const std::size_t wanted : {std::size_t{100}, std::size_t{3000}, 50_KiB, 1_MiB, 4_MiB, 6_MiB})
            for (int i = 0; i != 2; ++i) try_one(pool, suite::size_near(wanted), must_succeed, live);
        for (std::size_t i = 0; i < live.size(); i += 2) Face::release(live[i].bytes);
        Face::trim(pool, 1_MiB);
        try_one(pool, suite::size_near(2_MiB), must_succeed, live);
        for (owned& o : live) {
            if (!Face::bytes(o.bytes).empty()) {
                suite::expect_intact(o);
            }
        }
        live.clear();
        Face::drain(pool);
        Face::trim(pool, 0);
        expect_sums(Face::counts(pool));
        EXPECT_EQ(Face::counts(pool).buffers_in_use, 0U);
    }

    static std::uint64_t calls_of_the_work() {
        const auto pool = Face::make({});
        const fault_injection count({.at = 0});
        work(*pool, true);
        return count.calls();
    }

    static void fail_at_every_call(bool for_ever) {
        const std::uint64_t calls = calls_of_the_work();
        ASSERT_GE(calls, 2U) << "the work must reach the system";
        const std::uint64_t step = scaled<std::uint64_t>(calls, 1, 1);
        for (std::uint64_t k = 1; k <= calls; k += step) {
            SCOPED_TRACE("call " + std::to_string(k));
            const auto pool = Face::make({});
            {
                const fault_injection faults({.at = k, .for_ever = for_ever});
                work(*pool, false);
                EXPECT_GE(faults.injected(), 1U);
            }
            work(*pool, true);
            EXPECT_EQ(Face::counts(*pool).committed_bytes, 0U) << "and nothing was lost meanwhile";
            if (::testing::Test::HasFailure()) return;
        }
    }
};
TYPED_TEST_SUITE_P(PoolFaults);

TYPED_TEST_P(PoolFaults, OnceAtEveryCall) { TestFixture::fail_at_every_call(false); }

TYPED_TEST_P(PoolFaults, ForEverFromEveryCallOn) { TestFixture::fail_at_every_call(true); }

TYPED_TEST_P(PoolFaults, TheExceptionNamesThePoolAndTheRequest) {
    using Face = TypeParam;
    const auto pool = Face::make({.name = "poor house"});
    const std::size_t size = TestFixture::size_near(3000);
    const pool_stats before = Face::counts(*pool);
    {
        const fault_injection faults({.at = 1, .for_ever = true});
        try {
            const auto h = Face::acquire(*pool, size);
            ADD_FAILURE() << "served without memory";
        } catch (const out_of_memory& caught) {
            const std::string text = caught.what();
            EXPECT_NE(text.find("poor house"), std::string::npos) << text;
            EXPECT_NE(text.find(format_bytes(size)), std::string::npos) << text;
            EXPECT_EQ(caught.code(), errc::out_of_memory);
            EXPECT_EQ(caught.code(), std::errc::not_enough_memory);
            EXPECT_EQ(caught.details().pool, "poor house");
            EXPECT_EQ(caught.details().request_bytes, size);
        }
    }
    expect_same_holdings(before, Face::counts(*pool));
    EXPECT_NO_THROW(Face::acquire(*pool, size));
}

TYPED_TEST_P(PoolFaults, NoPoolIsLeftHalfMade) {
    using Face = TypeParam;
    std::uint64_t calls = 0;
    {
        const fault_injection count({.at = 0});
        const auto pool = Face::make({});
        calls = count.calls();
    }
    ASSERT_GE(calls, 1U);
    for (std::uint64_t k = 1; k <= calls; ++k) {
        SCOPED_TRACE("call " + std::to_string(k));
        const fault_injection faults({.at = k, .for_ever = true});
        try {
            const auto pool = Face::make({.name = "never"});
            ADD_FAILURE() << "made without memory";
        } catch (const error& caught) {
            EXPECT_EQ(caught.code(), errc::out_of_memory);
            EXPECT_EQ(caught.details().pool, "never");
        }
    }
    EXPECT_NO_THROW(Face::make({}));
}

REGISTER_TYPED_TEST_SUITE_P(PoolFaults, OnceAtEveryCall, ForEverFromEveryCallOn, TheExceptionNamesThePoolAndTheRequest,
                            NoPoolIsLeftHalfMade);

}  // namespace polder::test
