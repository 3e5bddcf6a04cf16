// SPDX-License-Identifier: Apache-2.0
//
// One measurement of the table: buffers of one size, one pattern, one kind of memory, in this process.
#pragma once

#include <cstddef>

#include "try/fault.hpp"
#include "try/report.hpp"

namespace tools::try_scenes {

struct cell_plan {
    pattern how{};
    std::size_t size = 0;
    double warm_up_ms = 0;      ///< at least
    double warm_up_ms_max = 0;  ///< of processor time, while page faults have not ceased
    double measured_ms = 0;
    std::size_t buffers_min = 8;  ///< measured at least, however long each takes
    fault made = fault::none;
};

/// Per buffer: got, touched or written, given back.
struct cell_figures {
    double ns = 0;
    double minor_faults = 0;  ///< of all threads
};

inline constexpr std::size_t burst_buffers = 16;

/// Bytes that are out at once.
std::size_t live_bytes(const cell_plan& plan) noexcept;

/// The steady state: a warm-up comes before.
cell_figures measure_cell(memory_kind kind, const cell_plan& plan);

}  // namespace tools::try_scenes
