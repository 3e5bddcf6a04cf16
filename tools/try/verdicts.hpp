// SPDX-License-Identifier: Apache-2.0
//
// From figures to advice: does a pool pay here?
#pragma once

#include <string>
#include <vector>

#include "try/report.hpp"

namespace tools::try_scenes {

/// A difference counts when it is a quarter and 5 ns at least, and when most runs agree on its direction. Less is "no difference".
inline constexpr double factor_that_counts = 1.25;
inline constexpr double ns_that_count = 5;

verdict verdict_of(const table_cell& cell);

const char* to_string(verdict says) noexcept;
/// "same thread", …: the name of a pattern, and what one buffer goes through in it.
const char* name_of(pattern how) noexcept;
const char* description_of(pattern how) noexcept;

/// One plain sentence or two per pattern, with thresholds in bytes, and one that says where polder loses.
std::vector<std::string> sentences_for(const std::vector<table_cell>& cells);

}  // namespace tools::try_scenes
