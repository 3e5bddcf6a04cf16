// SPDX-License-Identifier: Apache-2.0
//
// Plan: codes, category, messages and conditions; each exception caught by its own type, by polder::error, by its standard base and by
// std::exception, with text and details intact, also as a copy.
#include "polder/base/error.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <exception>
#include <set>
#include <type_traits>

namespace polder {
namespace {

constexpr errc all[] = {errc::exhausted, errc::out_of_memory, errc::invalid_size, errc::invalid_alignment, errc::invalid_option};

TEST(Error, TheCategoryIsOneObjectNamedPolder) {
    EXPECT_STREQ(error_category().name(), "polder");
    EXPECT_EQ(&error_category(), &error_category());
    EXPECT_EQ(&make_error_code(errc::exhausted).category(), &error_category());
}

TEST(Error, NoCodeIsZeroAndEachHasItsOwnMessage) {
    std::set<std::string> texts;
    std::set<int> values;
    for (const errc e : all) {
        const std::error_code code = e;  // by is_error_code_enum
        EXPECT_TRUE(code) << "0 would mean success";
        EXPECT_FALSE(code.message().empty());
        texts.insert(code.message());
        values.insert(code.value());
    }
    EXPECT_EQ(texts.size(), std::size(all));
    EXPECT_EQ(values.size(), std::size(all));
}

TEST(Error, UnknownCodesAreHarmless) {
    for (const int value : {0, -1, 6, 1000}) {
        const std::error_code code(value, error_category());
        EXPECT_FALSE(code.message().empty());
        EXPECT_EQ(code.default_error_condition(), std::error_condition(value, error_category()));
    }
}

TEST(Error, ConditionsOfTheStandard) {
    EXPECT_EQ(make_error_code(errc::exhausted), std::errc::no_buffer_space);
    EXPECT_EQ(make_error_code(errc::out_of_memory), std::errc::not_enough_memory);
    for (const errc e : {errc::invalid_size, errc::invalid_alignment, errc::invalid_option})
        EXPECT_EQ(make_error_code(e), std::errc::invalid_argument);
    EXPECT_NE(make_error_code(errc::exhausted), std::errc::not_enough_memory) << "our limit and the system's are never merged";
    EXPECT_NE(make_error_code(errc::exhausted), make_error_code(errc::out_of_memory));
}

error_details some_details() { return {"images", 4096, 1024, 512, "committed_bytes_max", {{"images, tier 64 KiB", 512, 1}}}; }

template <typename Exception, typename Standard>
void check_exception(errc code) {
    static_assert(std::is_base_of_v<Standard, Exception> && std::is_base_of_v<error, Exception>);
    static_assert(std::is_base_of_v<std::exception, Exception>);
    const auto raise = [] { throw Exception("pool 'images' said no", some_details()); };
    EXPECT_THROW(raise(), Exception);
    EXPECT_THROW(raise(), Standard);
    try {
        raise();
    } catch (const std::exception& caught) {
        EXPECT_STREQ(caught.what(), "pool 'images' said no");
        EXPECT_NE(dynamic_cast<const error*>(&caught), nullptr);
    }
    try {
        raise();
    } catch (const error& caught) {
        EXPECT_EQ(caught.code(), code);
        EXPECT_EQ(caught.details().pool, "images");
        EXPECT_EQ(caught.details().request_bytes, 4096U);
        EXPECT_EQ(caught.details().limit_bytes, 1024U);
        EXPECT_EQ(caught.details().in_use_bytes, 512U);
        EXPECT_EQ(caught.details().setting, "committed_bytes_max");
        ASSERT_EQ(caught.details().holders.size(), 1U);
        EXPECT_EQ(caught.details().holders[0].name, "images, tier 64 KiB");
    }
    std::exception_ptr kept;
    try {
        raise();
    } catch (...) {
        kept = std::current_exception();
    }
    EXPECT_THROW(std::rethrow_exception(kept), error);
    const Exception original("text", some_details());
    const Exception copy(original);  // NOLINT: the copy is the test
    EXPECT_STREQ(copy.what(), "text");
    EXPECT_EQ(copy.details().pool, original.details().pool);
}

TEST(Error, ExhaustedIsARuntimeError) { check_exception<exhausted, std::runtime_error>(errc::exhausted); }
TEST(Error, OutOfMemoryIsABadAlloc) { check_exception<out_of_memory, std::bad_alloc>(errc::out_of_memory); }
TEST(Error, InvalidSizeIsAnInvalidArgument) { check_exception<invalid_size, std::invalid_argument>(errc::invalid_size); }
TEST(Error, InvalidAlignmentIsAnInvalidArgument) {
    check_exception<invalid_alignment, std::invalid_argument>(errc::invalid_alignment);
}
TEST(Error, InvalidOptionIsAnInvalidArgument) { check_exception<invalid_option, std::invalid_argument>(errc::invalid_option); }

TEST(Error, ExhaustedIsNoBadAlloc) {
    EXPECT_FALSE((std::is_base_of_v<std::bad_alloc, exhausted>)) << "our limit and the system's are never merged";
}

}  // namespace
}  // namespace polder
