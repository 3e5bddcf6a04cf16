// SPDX-License-Identifier: Apache-2.0
//
// A log-linear histogram of times in nanoseconds: 16 cells for every power of two, so that a value is known to 6 %, in 8 KiB and
// with one increment per value. Not thread-safe: each thread has its own, merged at the end.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace tools {

class latency_histogram {
public:
    void add(std::uint64_t ns) noexcept {
        ++cells_[cell_of(ns)];
        ++count_;
        max_ = std::max(max_, ns);
    }

    void merge(const latency_histogram& other) noexcept {
        for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] += other.cells_[i];
        count_ += other.count_;
        max_ = std::max(max_, other.max_);
    }

    /// The value that a share of `fraction` of all values does not exceed: the upper end of its cell, never above max().
    std::uint64_t percentile(double fraction) const noexcept {
        if (count_ == 0) return 0;
        const auto wanted =
            std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            seen += cells_[i];
            if (seen >= wanted) return std::min(last_of(i), max_);
        }
        return max_;
    }

    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t max() const noexcept { return max_; }  ///< exact

    /// Values below 16 have a cell each; above, the cell is the exponent and the four bits after the leading one.
    static constexpr std::size_t cell_of(std::uint64_t ns) noexcept {
        if (ns < linear) return static_cast<std::size_t>(ns);
        const auto shift = static_cast<std::size_t>(std::bit_width(ns)) - 1 - linear_bits;
        return (shift << linear_bits) + static_cast<std::size_t>(ns >> shift);
    }

    /// The greatest value that falls into a cell.
    static constexpr std::uint64_t last_of(std::size_t cell) noexcept {
        if (cell < linear) return cell;
        const std::size_t shift = (cell >> linear_bits) - 1;
        const std::uint64_t first = (cell & (linear - 1)) + linear;
        return ((first + 1) << shift) - 1;
    }

private:
    static constexpr std::size_t linear_bits = 4;
    static constexpr std::size_t linear = std::size_t{1} << linear_bits;
    std::array<std::uint64_t, (65 - linear_bits) << linear_bits> cells_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

static_assert(latency_histogram::cell_of(15) == 15 && latency_histogram::cell_of(16) == 16);
static_assert(latency_histogram::last_of(latency_histogram::cell_of(1000)) == 1023);
static_assert(latency_histogram::cell_of(~std::uint64_t{0}) < std::size_t{61} << 4);

}  // namespace tools
