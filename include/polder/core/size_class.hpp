// SPDX-License-Identifier: Apache-2.0
//
// The table of slot sizes: from a request to its class in O(1).
//
// A class is either a cut of one slab (up to 4 MiB) or a run of whole slabs (above). A request above the last class is `huge`:
// a run of its own length. Table look-up: eight steps per doubling, each naming the first class that could fit; with the default
// tiers that class always fits, with a denser table of the user's a few comparisons follow.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "polder/base/bits.hpp"
#include "polder/core/types.hpp"

namespace polder::core {

using class_number = std::uint8_t;

constexpr std::uint64_t note_for(class_number c, std::uint64_t requested) noexcept {
    return requested | std::uint64_t{c} << note_class_shift;
}

/// Eight steps per doubling from 64 bytes up: step 7 holds 1 … 64, step 8 holds 65 … 72, and so on.
constexpr std::size_t size_step_of(std::size_t bytes) noexcept {
    const std::size_t m = (bytes - 1) | 63;
    const auto top = static_cast<unsigned>(std::countl_zero(m)) ^ 63U;  // its highest bit; 5 or more
    return (top << 3) + (m >> (top - 3)) - 48;                          // the four highest bits are 8 … 15
}

/// One size of slots. Constant after the table is made.
struct size_class {
    std::size_t slot_bytes = 0;    ///< distance of two slots; a multiple of 64, or of 4 MiB above a slab
    std::uint32_t slots = 0;       ///< in one slab, or 1 in a run
    std::uint32_t slabs = 0;       ///< slabs of one run: 1 up to 4 MiB
    reciprocal slot_reciprocal{};  ///< offset in the slab → place
};

class size_class_table {
public:
    static constexpr std::size_t classes_max = 224;
    static constexpr class_number huge = 255;                                  ///< no class of the table: a run of its own length
    static constexpr std::size_t cacheable_bytes_max = std::size_t{64} << 20;  ///< last class of slab runs

    /// `tiers`: ascending slot sizes, each a multiple of 64 and at most 4 MiB; classes of slab runs up to 64 MiB are added
    /// above them unless `with_runs` is false. The caller validated the sizes and their number.
    explicit size_class_table(std::span<const std::size_t> tiers, bool with_runs = true) noexcept;

    /// The smallest class that holds `bytes`. 1 <= bytes <= largest().
    constexpr class_number class_of(std::size_t bytes) const noexcept {
        class_number c = first_candidate(bytes);
        while (classes_[c].slot_bytes < bytes) ++c;
        return c;
    }

    /// The first class that may hold `bytes`: it, or one soon after it, does.
    constexpr class_number first_candidate(std::size_t bytes) const noexcept { return first_[size_step_of(bytes)]; }

    const size_class& operator[](class_number c) const noexcept { return classes_[c]; }
    std::size_t count() const noexcept { return count_; }
    /// Classes that cut a slab; the rest are runs.
    std::size_t tier_count() const noexcept { return tiers_; }
    std::size_t largest() const noexcept { return largest_; }

private:
    static constexpr std::size_t steps = size_step_of(cacheable_bytes_max) + 1;

    std::array<class_number, steps> first_{};
    std::size_t count_ = 0;
    std::size_t tiers_ = 0;
    std::size_t largest_ = 0;
    std::array<size_class, classes_max + 1> classes_{};
};

}  // namespace polder::core
