// SPDX-License-Identifier: Apache-2.0
//
// Scene 1: the pipeline with malloc and with polder, in turns, each run in a process of its own.
#pragma once

#include "support/terminal.hpp"
#include "try/fault.hpp"
#include "try/report.hpp"
#include "try/source.hpp"

namespace tools::try_scenes {

/// Never throws for what can go wrong within: the scene then carries the reason in `failure`.
pipeline_scene show_pipeline(const source& from, bool quick, fault made, progress& line);

}  // namespace tools::try_scenes
