// SPDX-License-Identifier: Apache-2.0
//
// Random programs for the model tests: a step is a kind of operation and two numbers; whoever runs it makes sense of them in the
// state it is in, so that a program stays valid when steps are removed from it. rapidcheck makes the programs and, when one fails,
// the smallest that does.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/detail/TestListenerAdapter.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/random.hpp"
#include "support/scale.hpp"

namespace polder::test {

struct step {
    unsigned op = 0;           ///< 0 … 999: what
    std::uint32_t target = 0;  ///< modulo whatever there is: with which
    std::uint64_t amount = 0;  ///< a size, an offset
};

inline std::ostream& operator<<(std::ostream& out, const step& s) {
    return out << "{" << s.op << ", " << s.target << ", " << s.amount << "}";
}

using program = std::vector<step>;

/// Programs of `steps / 2` to `steps` steps with amounts of 1 … `amount_max`, each doubling as likely as any other.
inline rc::Gen<program> programs(std::size_t steps, std::size_t amount_max) {
    return [steps, amount_max](const rc::Random& source, int) {
        rc::Random numbers = source;
        random dice(numbers.next());
        program made(dice.between(steps / 2, steps));
        for (step& s : made)
            s = {static_cast<unsigned>(dice.below(1000)), static_cast<std::uint32_t>(dice()), dice.log_uniform(1, amount_max)};
        return rc::shrinkable::shrinkRecur(std::move(made), [](const program& p) {
            return rc::seq::concat(rc::shrink::removeChunks(p), rc::shrink::eachElement(p, [](const step& s) {
                                       return rc::seq::map(rc::shrink::towards<std::uint64_t>(s.amount, 1),
                                                           [s](std::uint64_t amount) {
                                                               return step{s.op, s.target, amount};
                                                           });
                                   }));
        });
    };
}

/// Runs `check(program)`, which returns what went wrong or nothing, on `cases` random programs; fails the test with the smallest
/// that failed, as far as a short search finds it.
template <typename Check>
void check_programs(int cases, std::size_t steps, std::size_t amount_max, Check&& check) {
    rc::detail::TestParams params = rc::detail::configuration().testParams;
    params.seed = process_seed();
    params.maxSuccess = cases;
    rc::detail::TestMetadata about;
    about.id = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    // rapidcheck tries smaller and smaller programs; the last one that failed is the smallest. The search for it is bounded.
    using clock = std::chrono::steady_clock;
    std::optional<clock::time_point> search_ends;
    program smallest;
    std::string what_went_wrong;
    rc::detail::TestListenerAdapter nobody;
    const auto result = rc::detail::checkTestable(
        [&] {
            const program made = *programs(steps, amount_max);
            if (search_ends && clock::now() > *search_ends) return;
            const std::string wrong = check(made);
            if (wrong.empty()) return;
            if (!search_ends) search_ends = clock::now() + std::chrono::seconds(15);
            smallest = made;
            what_went_wrong = wrong;
            RC_FAIL(wrong);
        },
        about, params, nobody, rc::detail::configuration().reproduce);
    if (result.template is<rc::detail::SuccessResult>()) return;
    std::ostringstream text;
    if (what_went_wrong.empty()) rc::detail::printResultMessage(result, text);
    text << what_went_wrong << "\nin this program of " << smallest.size() << " steps:\n";
    for (const step& s : smallest) text << s << '\n';
    ADD_FAILURE() << text.str() << "to repeat: POLDER_TEST_SEED=" << process_seed();
}

}  // namespace polder::test
