// SPDX-License-Identifier: Apache-2.0
#include "polder/pools/options.hpp"

#include <algorithm>
#include <array>

#include "polder/os/virtual_memory.hpp"

namespace polder {
namespace {

/// 64, 128, 192, 256, 320, 384, 448, 512, 640, 768 … 4 MiB: four per doubling, rounded up to multiples of 64 bytes without the
/// repetitions that this makes.
constexpr std::size_t tier_count = [] {
    std::size_t count = 1;
    std::size_t last = 64;
    for (std::size_t doubling = 64; doubling < (std::size_t{4} << 20); doubling *= 2)
        for (std::size_t quarter = 1; quarter <= 4; ++quarter)
            if (const std::size_t bytes = (doubling + doubling / 4 * quarter + 63) / 64 * 64; bytes != last) {
                last = bytes;
                ++count;
            }
    return count;
}();

constexpr std::array<std::size_t, tier_count> tiers = [] {
    std::array<std::size_t, tier_count> made{};
    std::size_t count = 0;
    made[count++] = 64;
    for (std::size_t doubling = 64; doubling < (std::size_t{4} << 20); doubling *= 2)
        for (std::size_t quarter = 1; quarter <= 4; ++quarter)
            if (const std::size_t bytes = (doubling + doubling / 4 * quarter + 63) / 64 * 64; bytes != made[count - 1])
                made[count++] = bytes;
    return made;
}();
static_assert(tiers.front() == 64 && tiers.back() == std::size_t{4} << 20);

}  // namespace

std::span<const std::size_t> default_tiers() noexcept { return tiers; }

std::size_t default_committed_bytes_max() noexcept { return os::physical_memory_bytes() / 2; }

std::size_t default_idle_bytes_max() noexcept {
    return std::clamp<std::size_t>(os::physical_memory_bytes() / 64, std::size_t{256} << 20, std::size_t{4} << 30);
}

}  // namespace polder
