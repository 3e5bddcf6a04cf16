// SPDX-License-Identifier: Apache-2.0
//
// A pattern per owner: fill a buffer with it, and later prove that nobody else wrote there. Each byte depends on the owner's key and
// on its place, so that a shifted, swapped or shared buffer shows.
//
//     fill(b.span(), key);  …  EXPECT_EQ(first_difference(b.span(), key), intact);
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace polder::test {

inline constexpr std::size_t intact = ~std::size_t{0};

constexpr std::uint64_t pattern_word(std::uint64_t key, std::size_t index) noexcept {
    std::uint64_t z = key * 0x9e3779b97f4a7c15ULL + index * 0xd1342543de82ef95ULL + 1;
    z = (z ^ (z >> 29)) * 0xbf58476d1ce4e5b9ULL;
    return z ^ (z >> 32);
}

/// Writes every byte. `from` is the place of the first byte in the pattern, for parts of a buffer.
inline void fill(std::span<std::byte> bytes, std::uint64_t key, std::size_t from = 0) noexcept {
    std::size_t at = 0;
    while (at != bytes.size()) {
        const std::size_t place = from + at;
        const std::uint64_t word = pattern_word(key, place / 8);
        const std::size_t skip = place % 8;
        const std::size_t count = std::min(8 - skip, bytes.size() - at);
        std::memcpy(bytes.data() + at, reinterpret_cast<const std::byte*>(&word) + skip, count);
        at += count;
    }
}

/// The first byte that is not as `fill` left it, or `intact`.
inline std::size_t first_difference(std::span<const std::byte> bytes, std::uint64_t key, std::size_t from = 0) noexcept {
    std::size_t at = 0;
    while (at != bytes.size()) {
        const std::size_t place = from + at;
        const std::uint64_t word = pattern_word(key, place / 8);
        const std::size_t skip = place % 8;
        const std::size_t count = std::min(8 - skip, bytes.size() - at);
        const auto* wanted = reinterpret_cast<const std::byte*>(&word) + skip;
        if (std::memcmp(bytes.data() + at, wanted, count) != 0) {
            for (std::size_t i = 0; i != count; ++i)
                if (bytes[at + i] != wanted[i]) return at + i;
        }
        at += count;
    }
    return intact;
}

}  // namespace polder::test
