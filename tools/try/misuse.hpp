// SPDX-License-Identifier: Apache-2.0
//
// Scene 3: two mistakes made on purpose, and what polder says about them.
#pragma once

#include "support/terminal.hpp"
#include "try/fault.hpp"
#include "try/report.hpp"

namespace tools::try_scenes {

/// Never throws for what can go wrong within.
misuse_scene show_misuse(fault made, progress& line);

}  // namespace tools::try_scenes
