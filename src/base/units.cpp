// SPDX-License-Identifier: Apache-2.0
#include "polder/base/units.hpp"

#include <array>
#include <cstdio>

namespace polder {

std::string format_bytes(std::size_t n) {
    static constexpr std::array<const char*, 5> names{"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (n < 1024) return std::to_string(n) + (n == 1 ? " byte" : " bytes");
    std::size_t unit = 0;
    auto value = static_cast<double>(n) / 1024.0;
    std::size_t whole_unit = 1024;
    while (value >= 1024.0 && unit + 1 < names.size()) {
        value /= 1024.0;
        whole_unit <<= 10;
        ++unit;
    }
    std::array<char, 64> text{};
    if (n % whole_unit == 0)
        std::snprintf(text.data(), text.size(), "%zu %s", n / whole_unit, names.at(unit));
    else
        std::snprintf(text.data(), text.size(), "%.1f %s (%zu bytes)", value, names.at(unit), n);
    return text.data();
}

}  // namespace polder
