// SPDX-License-Identifier: Apache-2.0
#include "polder/core/size_class.hpp"

namespace polder::core {
namespace {

/// Runs of slabs above the tiers, about four per doubling: 8, 12, 16, 20, 24 … 64 MiB.
constexpr std::array<std::size_t, 11> run_lengths{2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16};

}  // namespace

size_class_table::size_class_table(std::span<const std::size_t> tiers, bool with_runs) noexcept {
    for (const std::size_t bytes : tiers)
        classes_[count_++] = {bytes, static_cast<std::uint32_t>(slab_bytes / bytes), 1, reciprocal(bytes)};
    tiers_ = count_;
    if (with_runs) {
        // A top tier below 4 MiB leaves a gap that a whole slab fills.
        if (classes_[count_ - 1].slot_bytes < slab_bytes) classes_[count_++] = {slab_bytes, 1, 1, reciprocal(slab_bytes)};
        for (const std::size_t length : run_lengths) {
            const std::size_t bytes = length << slab_shift;
            classes_[count_++] = {bytes, 1, static_cast<std::uint32_t>(length), reciprocal(bytes)};
        }
    }
    largest_ = classes_[count_ - 1].slot_bytes;

    // first_[step] = the first class that holds the smallest request of the step.
    class_number c = 0;
    for (std::size_t step = 0; step != steps; ++step) {
        // The smallest request of step s: 1 for all steps up to 7, then the inverse of size_step_of.
        std::size_t smallest = 1;
        if (step > 7) smallest = ((8 + (step & 7)) << ((step >> 3) + 2)) + 1;
        while (c + 1U < count_ && classes_[c].slot_bytes < smallest) ++c;
        first_[step] = c;
    }
}

}  // namespace polder::core
