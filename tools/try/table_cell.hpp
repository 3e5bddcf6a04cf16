// SPDX-License-Identifier: Apache-2.0
//
// One measurement of the table: buffers of one size, one pattern, one kind of memory, in this process.
#pragma once

#include <cstddef>

#include "try/report.hpp"

namespace tools::try_scenes {

struct cell_plan {
    pattern how{};
    std::size_t size = 0;
    double warm_up_ms = 0;
    double measured_ms = 0;
    std::size_t buffers_min = 8;  ///< measured at least, however long each takes
};

inline constexpr std::size_t burst_buffers = 16;

/// Bytes that are out at once.
std::size_t live_bytes(const cell_plan& plan) noexcept;

/// ns per buffer: got, touched or written, given back.
double measure_cell(memory_kind kind, const cell_plan& plan);

}  // namespace tools::try_scenes
