// SPDX-License-Identifier: Apache-2.0
//
// Faults made on purpose, to prove that `polder try` would notice them: POLDER_TRY_FAULT in the environment names one.
#pragma once

#include <array>
#include <cstdint>

namespace tools::try_scenes {

enum class fault : std::uint8_t {
    none,
    flip_byte,      ///< the writer changes one byte of what it sends
    keep_buffer,    ///< the receiver never gives one buffer back
    page_faults,    ///< the pool of the table forgets its idle memory again and again
    silent_misuse,  ///< the mistakes of scene 3 are not made
};
inline constexpr std::array<const char*, 5> fault_names{"none", "flip_byte", "keep_buffer", "page_faults", "silent_misuse"};

/// What the environment asks for. Throws std::invalid_argument for an unknown name.
fault fault_wanted();

}  // namespace tools::try_scenes
