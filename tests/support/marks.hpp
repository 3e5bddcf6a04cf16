// SPDX-License-Identifier: Apache-2.0
//
// Marks for buffers of any size: a key that is unique in the process is written over a buffer, small ones wholly, large ones in samples
// that every owner of the slot would hit. An intact mark at the release proves that nobody else owned the bytes meanwhile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "support/pattern.hpp"

namespace polder::test {

inline constexpr std::size_t wholly_marked_bytes = 512;

/// The places of the samples: the front wholly, then a word per page, from 64 KiB on a word per 64 KiB, and the last bytes. They depend on
/// the place in the slot only, so that two owners of one slot meet in most of them. Stops when `function(part, from)` says false.
template <typename Bytes, typename Function>
bool for_each_sample(Bytes bytes, Function&& function) noexcept {
    const std::size_t front = std::min(bytes.size(), wholly_marked_bytes);
    if (!function(bytes.first(front), std::size_t{0})) return false;
    for (std::size_t at = 4096; at < bytes.size(); at += at < (64 << 10) ? 4096 : 64 << 10)
        if (!function(bytes.subspan(at, std::min<std::size_t>(8, bytes.size() - at)), at)) return false;
    const std::size_t last = bytes.size() - std::min<std::size_t>(8, bytes.size());
    return function(bytes.subspan(last), last);
}

inline void mark(std::span<std::byte> bytes, std::uint64_t key) noexcept {
    for_each_sample(bytes, [key](std::span<std::byte> part, std::size_t from) {
        fill(part, key, from);
        return true;
    });
}

inline bool is_marked(std::span<const std::byte> bytes, std::uint64_t key) noexcept {
    return for_each_sample(
        bytes, [key](std::span<const std::byte> part, std::size_t from) { return first_difference(part, key, from) == intact; });
}

}  // namespace polder::test
