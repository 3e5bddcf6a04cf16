// SPDX-License-Identifier: Apache-2.0
//
// The sizes of the messages that the reader makes: half of them small, as headers and acknowledgements are, most of the bytes in few
// large ones. The same sequence in each run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tools::try_scenes {

class message_sizes {
public:
    std::size_t next() noexcept {
        const std::uint64_t random = step();
        auto share = static_cast<std::uint32_t>(random % 100);
        for (const range& each : mix) {
            if (share < each.percent) return each.from + static_cast<std::size_t>((random >> 8) % (each.to - each.from));
            share -= each.percent;
        }
        return mix.front().from;
    }

    static constexpr const char* in_words = "64 B to 4 MiB, 7 in 10 of them below 16 KiB";

private:
    struct range {
        std::uint32_t percent;
        std::size_t from, to;
    };
    static constexpr std::size_t KiB = 1024;
    static constexpr std::array<range, 5> mix{range{40, 64, 512}, range{30, 512, 16 * KiB}, range{18, 16 * KiB, 256 * KiB},
                                              range{10, 256 * KiB, 1024 * KiB}, range{2, 1024 * KiB, 4096 * KiB}};

    /// splitmix64
    std::uint64_t step() noexcept {
        state_ += 0x9E3779B97F4A7C15;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    std::uint64_t state_ = 2026;
};

}  // namespace tools::try_scenes
