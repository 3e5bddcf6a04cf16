// SPDX-License-Identifier: Apache-2.0
//
// What `polder try` promises to show, in one place: the exit code follows from it. Only what must hold on every machine is promised;
// times are told as they were found.
#pragma once

#include <vector>

#include "try/report.hpp"

namespace tools::try_scenes {

/// Page faults per page handed over, in the calmest run: malloc's mapped blocks have 1, a warm pool none. What lies below has
/// other causes (a stack grows, the system moves a page).
inline constexpr double faults_per_page_max = 0.01;

/// Whether every buffer of a run with polder was given back, by the pool's own count and the program's.
bool came_home(const pipeline_figures& run);

/// All promises, judged by what the scenes found.
std::vector<promise> judge(const report& found);

}  // namespace tools::try_scenes
