// SPDX-License-Identifier: Apache-2.0
//
// What the figures were measured on.
#pragma once

#include "try/report.hpp"

namespace tools::try_scenes {

machine_facts look_at_machine();

}  // namespace tools::try_scenes
