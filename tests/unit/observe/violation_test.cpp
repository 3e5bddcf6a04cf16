// SPDX-License-Identifier: Apache-2.0
//
// Plan: the words of each kind; each description names kind, pool and numbers and says what became of the release; handlers are replaced,
// returned and restored, also while other threads report.
#include "polder/observe/violation.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/scale.hpp"

namespace polder {
namespace {

constexpr violation_kind all[] = {violation_kind::double_release,   violation_kind::stale_handle, violation_kind::foreign_pointer,
                                  violation_kind::interior_pointer, violation_kind::wrong_pool,   violation_kind::wrong_size};

violation sample(violation_kind kind) {
    violation what;
    what.kind = kind;
    what.pool = "images";
    what.other_pool = "sounds";
    what.address = reinterpret_cast<const void*>(0x7f00'1234'5678);
    what.slot = 77;
    what.slot_bytes = 2048;
    what.handle_generation = 31;
    what.slot_generation = 42;
    what.expected_bytes = 2000;
    what.given_bytes = 1999;
    return what;
}

TEST(Violation, EachKindHasItsOwnName) {
    std::set<std::string> names;
    for (const violation_kind kind : all) names.insert(to_string(kind));
    EXPECT_EQ(names.size(), std::size(all));
    EXPECT_STREQ(to_string(violation_kind::double_release), "double_release");
    EXPECT_STREQ(to_string(static_cast<violation_kind>(250)), "unknown_violation");
}

TEST(Violation, DescriptionsNameWhatIsKnown) {
    std::set<std::string> texts;
    for (const violation_kind kind : all) {
        const std::string text = describe(sample(kind));
        SCOPED_TRACE(text);
        EXPECT_EQ(text.rfind(std::string(to_string(kind)) + " in pool \"images\": ", 0), 0U);
        EXPECT_NE(text.find("0x7f0012345678"), std::string::npos);
        EXPECT_NE(text.find("Likely cause: "), std::string::npos);
        EXPECT_NE(text.find("Nothing was released."), std::string::npos);
        EXPECT_EQ(text.find('\n'), std::string::npos) << "one line";
        texts.insert(text);
    }
    EXPECT_EQ(texts.size(), std::size(all));
    const auto has = [](violation_kind kind, const char* part) { return describe(sample(kind)).find(part) != std::string::npos; };
    EXPECT_TRUE(has(violation_kind::double_release, "slot 77 of 2 KiB"));
    EXPECT_TRUE(has(violation_kind::stale_handle, "acquisition 31"));
    EXPECT_TRUE(has(violation_kind::stale_handle, "acquisition 42"));
    EXPECT_TRUE(has(violation_kind::wrong_pool, "\"sounds\""));
    EXPECT_TRUE(has(violation_kind::wrong_size, "2000 bytes"));
    EXPECT_TRUE(has(violation_kind::wrong_size, "1999 bytes"));
    EXPECT_TRUE(has(violation_kind::interior_pointer, "inside slot 77"));
}

std::atomic<int> first_calls{0};
std::atomic<int> second_calls{0};
void first(const violation& what) {
    if (what.slot == 77) first_calls.fetch_add(1);
}
void second(const violation& what) {
    if (what.slot == 77) second_calls.fetch_add(1);
}

TEST(Violation, HandlersAreReplacedAndReturned) {
    first_calls = second_calls = 0;
    const violation_handler before = set_violation_handler(first);
    EXPECT_NE(before, nullptr) << "the default is a handler too";
    report(sample(violation_kind::wrong_size));
    EXPECT_EQ(set_violation_handler(second), &first);
    report(sample(violation_kind::wrong_pool));
    report(sample(violation_kind::wrong_pool));
    EXPECT_EQ(set_violation_handler(nullptr), &second);
    EXPECT_EQ(set_violation_handler(before), before) << "nullptr brought the default back";
    EXPECT_EQ(first_calls.load(), 1);
    EXPECT_EQ(second_calls.load(), 2);
}

TEST(Violation, ReplacedWhileOthersReportEachReportReachesOneHandler) {
    first_calls = second_calls = 0;
    const violation_handler before = set_violation_handler(first);
    const int each = static_cast<int>(test::scaled(20'000));
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i != each; ++i) report(sample(violation_kind::double_release));
        });
    for (int i = 0; i != 200; ++i) set_violation_handler(i % 2 == 0 ? second : first);
    for (auto& thread : threads) thread.join();
    set_violation_handler(before);
    EXPECT_EQ(first_calls.load() + second_calls.load(), 3 * each);
}

}  // namespace
}  // namespace polder
