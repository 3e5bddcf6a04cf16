// SPDX-License-Identifier: Apache-2.0
//
// Not products: the least that the work can cost. No checks, no bounds, no sharing, nothing ever given back.
#pragma once

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstddef>
#include <new>

#include "../support/ring.hpp"
#include "block.hpp"

namespace bench {

inline std::byte* fresh_pages(std::size_t bytes) {
    void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::bad_alloc();
    return static_cast<std::byte*>(pages);
}

/// An array stack per power of two and thread.
struct limit_tls_stack : plain_peer {
    static constexpr const char* name = "limit_tls_stack";
    static constexpr bool thread_safe = true;  // as long as a buffer goes home on the thread it came from

    [[gnu::always_inline]] block get(std::size_t size) {
        const unsigned tier = tier_of(size);
        stack& mine = stacks_[tier];
        if (mine.top != 0) [[likely]]
            return {mine.entries[--mine.top], size};
        return {carve(tier), size};
    }

    [[gnu::always_inline]] void put(block& held) noexcept {
        const unsigned tier = tier_of(held.size);
        stack& mine = stacks_[tier];
        if (mine.top < mine.entries.size()) [[likely]]
            mine.entries[mine.top++] = held.address;
    }

private:
    struct stack {
        std::size_t top;
        std::array<std::byte*, 511> entries;
    };

    static constexpr unsigned lowest = 6;    // 64 B
    static constexpr unsigned highest = 23;  // 8 MiB
    static constexpr unsigned carved_to = 16;
    static constexpr std::size_t carved_from = std::size_t{2} << 20;

    [[gnu::always_inline]] static unsigned tier_of(std::size_t size) noexcept {
        return static_cast<unsigned>(std::bit_width((size - 1) | 63)) - lowest;
    }

    [[gnu::noinline]] static std::byte* carve(unsigned tier) {
        const std::size_t bytes = std::size_t{1} << (tier + lowest);
        if (tier + lowest >= carved_to) return fresh_pages(bytes);
        if (left_ < bytes) {
            rest_ = fresh_pages(carved_from);
            left_ = carved_from;
        }
        left_ -= bytes;
        return rest_ + left_;
    }

    static inline constinit thread_local std::array<stack, highest - lowest + 1> stacks_{};
    static inline constinit thread_local std::byte* rest_ = nullptr;
    static inline constinit thread_local std::size_t left_ = 0;
};

/// Hand-off only: buffers of one size come back to the producer through a second ring.
struct limit_return_ring : plain_peer {
    static constexpr const char* name = "limit_return_ring";
    static constexpr bool thread_safe = true;  // one getting, one putting

    block get(std::size_t size) {
        block held;
        if (back_.try_consume([&](block& returned) { held = returned; })) return held;
        return {fresh_pages(size), size};
    }
    void put(block& held) { back_.try_push(block(held)); }

private:
    spsc_ring<block, 1024> back_;
};

}  // namespace bench
