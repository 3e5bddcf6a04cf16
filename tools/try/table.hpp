// SPDX-License-Identifier: Apache-2.0
//
// Scene 2: sizes x patterns on this machine, malloc against polder.
#pragma once

#include "support/terminal.hpp"
#include "try/fault.hpp"
#include "try/report.hpp"

namespace tools::try_scenes {

/// Never throws for what can go wrong within: a cell then says why it was not run.
table_scene show_table(bool quick, fault made, progress& line);

}  // namespace tools::try_scenes
