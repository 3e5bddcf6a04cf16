// SPDX-License-Identifier: Apache-2.0
//
// Numbers as a person reads them, and the median of a few.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tools {

/// "42 ns", "1.9 us", "3.1 ms", "2.4 s": three significant figures at most.
std::string format_duration(double ns);
/// "1,203,331".
std::string format_count(std::uint64_t n);
/// "64 B", "4 KiB", "3.6 MiB": short, for tables.
std::string format_size(std::uint64_t bytes);
/// "64 KiB (65536 bytes)": for thresholds, which must be exact.
std::string format_threshold(std::uint64_t bytes);
/// "1.32", "12.4", "290": a factor, with as many figures as mean something.
std::string format_factor(double factor);

/// Middle value, the mean of the two in the middle for an even count; 0 for none.
double median(std::vector<double> values);

}  // namespace tools
