// SPDX-License-Identifier: Apache-2.0
//
// The report for a program: one JSON document. Its fields only ever grow in number while "format" stays the same.
#pragma once

#include <string>

#include "try/report.hpp"

namespace tools::try_scenes {

std::string json_text(const report& found);

}  // namespace tools::try_scenes
