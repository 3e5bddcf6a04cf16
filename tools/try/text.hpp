// SPDX-License-Identifier: Apache-2.0
//
// The report for a person: always the same lines in the same order, at most 100 columns.
#pragma once

#include <string>

#include "support/terminal.hpp"
#include "try/report.hpp"

namespace tools::try_scenes {

std::string machine_text(const machine_facts& machine, const palette& colours);
std::string pipeline_text(const pipeline_scene& scene, const machine_facts& machine, const palette& colours);
std::string table_text(const table_scene& scene, const palette& colours);
std::string misuse_text(const misuse_scene& scene, const palette& colours);
/// What was promised and what was found, and what to do next.
std::string ending_text(const report& found, const palette& colours);

}  // namespace tools::try_scenes
