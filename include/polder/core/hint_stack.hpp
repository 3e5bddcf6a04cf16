// SPDX-License-Identifier: Apache-2.0
//
// Recently flushed slot numbers of one class, last in first out: where a refill looks first.
//
// The cells are hints, so the stack needs no lock and no hazard pointers, only a version that makes a stale head fail its
// compare-exchange. Two pushes at once may overwrite each other's cells: then a number stands twice (the second reader finds
// its word taken) or is lost (a scan of the words finds it). Nobody waits for anybody, and a death in the middle harms nothing.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "polder/core/types.hpp"

namespace polder::core {

/// Lives in the region; all zero is an empty stack. Thread-safe, lock-free, O(batch).
class hint_stack {
public:
    static constexpr std::uint32_t capacity = 16368;  ///< cells; with the head, 64 KiB

    /// Pushes as many as fit and says how many.
    std::size_t push(std::span<const slot_number> slots) noexcept {
        std::uint64_t head = head_.load(std::memory_order_relaxed);
        for (;;) {
            const std::uint32_t height = height_of(head);
            const auto count = std::min<std::size_t>(slots.size(), capacity - height);
            for (std::size_t i = 0; i != count; ++i) cells_[height + i].store(slots[i], std::memory_order_relaxed);
            // release: the cells are written before the height that covers them; pairs with the acquire in pop.
            if (head_.compare_exchange_weak(head, next(head, height + count), std::memory_order_release, std::memory_order_relaxed))
                return count;
        }
    }

    /// Fills `out` from the top as far as there is something, and says how far.
    std::size_t pop(std::span<slot_number> out) noexcept {
        std::uint64_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            const std::uint32_t height = std::min(height_of(head), capacity);
            const auto count = std::min<std::size_t>(out.size(), height);
            if (count == 0) return 0;
            for (std::size_t i = 0; i != count; ++i) out[i] = cells_[height - 1 - i].load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, next(head, height - count), std::memory_order_acquire, std::memory_order_acquire))
                return count;
        }
    }

    bool seems_empty() const noexcept { return height_of(head_.load(std::memory_order_relaxed)) == 0; }

private:
    static std::uint32_t height_of(std::uint64_t head) noexcept { return static_cast<std::uint32_t>(head); }
    static std::uint64_t next(std::uint64_t head, std::size_t height) noexcept {
        return ((head >> 32) + 1) << 32 | static_cast<std::uint32_t>(height);
    }

    alignas(64) std::atomic<std::uint64_t> head_;  ///< version (32) | height (32)
    alignas(64) std::array<std::atomic<slot_number>, capacity> cells_;
};

}  // namespace polder::core
