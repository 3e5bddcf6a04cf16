// SPDX-License-Identifier: Apache-2.0
//
// From figures to advice: does a pool pay here?
#pragma once

#include <string>
#include <vector>

#include "try/report.hpp"

namespace tools::try_scenes {

/// A difference counts from this factor on, and when the runs agree on it. Less is "no difference".
inline constexpr double factor_that_counts = 1.1;

/// Whether most runs of the one lie beyond most runs of the other: the middle halves of both do not overlap.
bool runs_agree(const std::vector<double>& one, const std::vector<double>& other);

verdict verdict_of(const table_cell& cell);

const char* to_string(verdict says) noexcept;
/// "same thread", …: the name of a pattern, and what one buffer goes through in it.
const char* name_of(pattern how) noexcept;
const char* description_of(pattern how) noexcept;

/// One plain sentence or two per pattern: where a pool pays, where it makes no difference, where it loses.
std::vector<std::string> sentences_for(const std::vector<table_cell>& cells);

}  // namespace tools::try_scenes
