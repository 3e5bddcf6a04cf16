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
/// "0", "0.02", "1.5", "16", "16,384": how often something happens each time.
std::string format_rate(double rate);
/// "1.3", "12", "2,900": a factor, with as many figures as mean something.
std::string format_factor(double factor);

/// Middle value, the mean of the two in the middle for an even count; 0 for none.
double median(std::vector<double> values);

}  // namespace tools
