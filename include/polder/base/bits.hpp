// SPDX-License-Identifier: Apache-2.0
//
// Powers of two, rounding and division by a constant. Pure functions; no overflow where the caller's contract holds.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace polder {

/// True for 1, 2, 4, 8 … and false for 0.
constexpr bool is_power_of_two(std::size_t n) noexcept { return std::has_single_bit(n); }

/// `n` rounded down to a multiple of `step`, a power of two.
constexpr std::size_t round_down(std::size_t n, std::size_t step) noexcept { return n & ~(step - 1); }

/// `n` rounded up to a multiple of `step`, a power of two. The caller knows that `n + step - 1` does not overflow.
constexpr std::size_t round_up(std::size_t n, std::size_t step) noexcept { return round_down(n + step - 1, step); }

/// The quotient rounded up; `d` is not 0 and `n + d - 1` does not overflow.
constexpr std::size_t divide_up(std::size_t n, std::size_t d) noexcept { return (n + d - 1) / d; }

/// Division of offsets inside a slab run by a slot size, as one multiplication.
///
/// With m = floor(2^64 / d) + 1, floor(x·m / 2^64) = floor(x / d) whenever x·(m·d − 2^64) < 2^64; the bracket is at most d, so
/// it holds for x, d < 2^32 (Granlund & Montgomery, "Division by invariant integers using multiplication", 1994).
class reciprocal {
public:
    constexpr reciprocal() noexcept = default;
    constexpr explicit reciprocal(std::uint64_t divisor) noexcept : multiplier_(~std::uint64_t{0} / divisor + 1) {}

    constexpr std::uint64_t divide(std::uint64_t x) const noexcept {
        // A divisor of 1 wraps the multiplier to 0; no slot is that small.
        __extension__ using wide = unsigned __int128;
        return static_cast<std::uint64_t>((static_cast<wide>(x) * multiplier_) >> 64);
    }

private:
    std::uint64_t multiplier_ = 0;
};

}  // namespace polder
