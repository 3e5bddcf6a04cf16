// SPDX-License-Identifier: Apache-2.0
//
// What `polder try` promises to show, in one place: the exit code follows from it.
#pragma once

#include <vector>

#include "try/report.hpp"

namespace tools::try_scenes {

/// polder's pipeline may be this much slower before the promise counts as broken: less is noise.
inline constexpr double throughput_factor_min = 0.9;
/// Page faults that have nothing to do with buffers (threads, code) and differ from run to run.
inline constexpr std::uint64_t page_faults_slack = 200;

bool throughput_promise_kept(const pipeline_scene& scene);

/// All promises, judged by what the scenes found.
std::vector<promise> judge(const report& found);

}  // namespace tools::try_scenes
