// SPDX-License-Identifier: Apache-2.0
#include "try/fault.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace tools::try_scenes {

fault fault_wanted() {
    const char* const value = std::getenv("POLDER_TRY_FAULT");
    if (value == nullptr || *value == '\0') return fault::none;
    for (std::size_t i = 0; i < fault_names.size(); ++i)
        if (std::string_view(value) == fault_names.at(i)) return static_cast<fault>(i);
    throw std::invalid_argument(
        fmt::format("POLDER_TRY_FAULT: unknown fault '{}'; known: {}", value, fmt::join(fault_names, ", ")));
}

}  // namespace tools::try_scenes
