// SPDX-License-Identifier: Apache-2.0
//
// A bounded ring from one thread to one other. Values are moved in and used in place, so that a move-only handle is moved once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace bench {

template <class Value, std::size_t Capacity>
class spsc_ring {
    static_assert((Capacity & (Capacity - 1)) == 0, "the index is masked");

public:
    spsc_ring() = default;
    spsc_ring(const spsc_ring&) = delete;
    spsc_ring& operator=(const spsc_ring&) = delete;
    ~spsc_ring() {
        while (try_consume([](Value&) {})) {
        }
    }

    /// Moves `value` in; when the ring is full, leaves it alone and says false.
    [[gnu::always_inline]] bool try_push(Value&& value) {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        if (tail - head_seen_ >= Capacity) {
            head_seen_ = head_.load(std::memory_order_acquire);
            if (tail - head_seen_ >= Capacity) return false;
        }
        std::construct_at(place(tail), std::move(value));
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    /// Calls `use(value)` on the oldest value and destroys it; says false when there is none.
    template <class Use>
    [[gnu::always_inline]] bool try_consume(Use&& use) {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (head == tail_seen_) {
            tail_seen_ = tail_.load(std::memory_order_acquire);
            if (head == tail_seen_) return false;
        }
        Value* value = place(head);
        use(*value);
        std::destroy_at(value);
        head_.store(head + 1, std::memory_order_release);
        return true;
    }

private:
    Value* place(std::uint64_t index) noexcept {
        return std::launder(reinterpret_cast<Value*>(&bytes_[(index & (Capacity - 1)) * sizeof(Value)]));
    }

    alignas(64) std::atomic<std::uint64_t> head_{0};
    std::uint64_t tail_seen_ = 0;  // the consumer's copy
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    std::uint64_t head_seen_ = 0;  // the producer's copy
    alignas(64) std::byte bytes_[Capacity * sizeof(Value)];
};

}  // namespace bench
