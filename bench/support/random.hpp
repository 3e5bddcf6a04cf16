// SPDX-License-Identifier: Apache-2.0
//
// Random sizes, cheap enough to stand beside a 2 ns acquire: one multiplication, off the critical path of the pool.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace bench {

class random_source {
public:
    explicit random_source(std::uint64_t seed) noexcept : state_(seed * 0x9e3779b97f4a7c15u + 0x1234567u) {
        for (int i = 0; i < 8; ++i) next();
    }

    [[gnu::always_inline]] std::uint32_t next() noexcept {
        state_ = state_ * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::uint32_t>(state_ >> 32);
    }

    /// Uniform in 0 ... limit - 1.
    [[gnu::always_inline]] std::size_t below(std::size_t limit) noexcept { return (std::uint64_t{next()} * limit) >> 32; }

    /// Uniform in 1 ... limit.
    [[gnu::always_inline]] std::size_t up_to(std::size_t limit) noexcept { return below(limit) + 1; }

private:
    std::uint64_t state_;
};

/// Sizes whose logarithm is uniform in low ... high, drawn from a table of evenly spaced quantiles.
class log_uniform_sizes {
public:
    log_uniform_sizes(std::size_t low, std::size_t high) {
        const double span = std::log(static_cast<double>(high) / static_cast<double>(low));
        for (std::size_t i = 0; i < sizes_.size(); ++i) {
            const double quantile = (static_cast<double>(i) + 0.5) / static_cast<double>(sizes_.size());
            sizes_[i] = static_cast<std::uint32_t>(static_cast<double>(low) * std::exp(span * quantile));
        }
    }

    [[gnu::always_inline]] std::size_t draw(random_source& random) const noexcept { return sizes_[random.below(sizes_.size())]; }

private:
    std::array<std::uint32_t, 4096> sizes_{};
};

}  // namespace bench
