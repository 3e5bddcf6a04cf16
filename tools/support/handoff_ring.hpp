// SPDX-License-Identifier: Apache-2.0
//
// A bounded ring from one thread to one other: a few nanoseconds per value, so that a hand-off measures the buffers and not the
// queue. A waiting side spins a little and then gives its CPU away, so that it works on one CPU too.
#pragma once

#include <sched.h>
#include <atomic>
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace tools {

template <class Value>
class handoff_ring {
public:
    explicit handoff_ring(std::size_t depth) : values_(depth + 1) {}

    /// Waits for room. False once `stop` is set.
    bool push(Value value, const std::atomic<bool>& stop) {
        const std::size_t at = tail_.load(std::memory_order_relaxed);
        const std::size_t next = following(at);
        // Acquire pairs with the release in pop(): the value in that place was moved out before.
        if (!wait_until([&] { return next != head_.load(std::memory_order_acquire); }, stop)) return false;
        values_[at] = std::move(value);
        tail_.store(next, std::memory_order_release);
        return true;
    }

    /// Waits for a value. False once `stop` is set and nothing is there.
    bool pop(Value& value, const std::atomic<bool>& stop) {
        const std::size_t at = head_.load(std::memory_order_relaxed);
        // Acquire pairs with the release in push(): the value was written before.
        if (!wait_until([&] { return at != tail_.load(std::memory_order_acquire); }, stop)) return false;
        value = std::move(values_[at]);
        head_.store(following(at), std::memory_order_release);
        return true;
    }

private:
    std::size_t following(std::size_t at) const noexcept { return at + 1 == values_.size() ? 0 : at + 1; }

    template <class Condition>
    static bool wait_until(Condition condition, const std::atomic<bool>& stop) {
        for (unsigned tries = 0; !condition(); ++tries) {
            if (stop.load(std::memory_order_acquire)) return condition();
            if (tries >= spins_before_yield) ::sched_yield();
        }
        return true;
    }

    static constexpr unsigned spins_before_yield = 256;
    static constexpr std::size_t line = 64;
    std::vector<Value> values_;
    alignas(line) std::atomic<std::size_t> head_{0};
    alignas(line) std::atomic<std::size_t> tail_{0};
};

}  // namespace tools
