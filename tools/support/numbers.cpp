// SPDX-License-Identifier: Apache-2.0
#include "support/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tools {
namespace {

std::string three_figures(double value) {
    if (value >= 99.95) return fmt::format("{:.0f}", value);
    if (value >= 9.995) return fmt::format("{:.1f}", value);
    return fmt::format("{:.2f}", value);
}

}  // namespace

std::string format_duration(double ns) {
    if (ns < 9.95) return fmt::format("{:.1f} ns", ns);
    if (ns < 999.5) return fmt::format("{:.0f} ns", ns);
    if (ns < 1e6) return three_figures(ns / 1e3) + " us";
    if (ns < 1e9) return three_figures(ns / 1e6) + " ms";
    return three_figures(ns / 1e9) + " s";
}

std::string format_count(std::uint64_t n) {
    const std::string digits = std::to_string(n);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
    return text;
}

std::string format_size(std::uint64_t bytes) {
    static constexpr std::array<const char*, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    auto value = static_cast<double>(bytes);
    while (value >= 1024 && unit + 1 < names.size()) {
        value /= 1024;
        ++unit;
    }
    if (value == std::floor(value)) return fmt::format("{:.0f} {}", value, names.at(unit));
    return fmt::format("{:.1f} {}", value, names.at(unit));
}

std::string format_rate(double rate) {
    if (rate < 0.005) return "0";
    if (rate < 9.95) return fmt::format("{:.2g}", rate);
    return format_count(static_cast<std::uint64_t>(std::llround(rate)));
}

std::string format_factor(double factor) {
    if (factor >= 9.95) return format_count(static_cast<std::uint64_t>(std::llround(factor)));
    return fmt::format("{:.1f}", factor);
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace tools
