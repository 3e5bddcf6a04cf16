// SPDX-License-Identifier: Apache-2.0
//
// What the tests of handles share: a pool, and one size of each sort.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <limits>

#include "polder/polder.hpp"

namespace polder::test {

inline constexpr std::size_t size_max = std::numeric_limits<std::size_t>::max();
/// One size of each sort: small, coloured, a whole slab, a run of a class, a run of its own length.
inline constexpr std::size_t sorts[] = {
    100, 3000, 33'000, 300'000, std::size_t{4} << 20, std::size_t{5} << 20, std::size_t{70} << 20};

class handle_test : public ::testing::Test {
protected:
    buffer_pool pool{{.name = "handles", .committed_bytes_max = std::size_t{256} << 20, .idle_bytes_max = std::size_t{256} << 20}};
};

}  // namespace polder::test
