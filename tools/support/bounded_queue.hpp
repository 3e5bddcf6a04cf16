// SPDX-License-Identifier: Apache-2.0
//
// Hands values from thread to thread, in order, and makes the giver wait while too much is under way: a number of values, and a
// number of bytes. Thread-safe. `close()` wakes everybody: pushes are refused, pops drain what is left.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace tools {

template <class Value>
class bounded_queue {
public:
    bounded_queue(std::size_t values_max, std::size_t bytes_max) : values_max_(values_max), bytes_max_(bytes_max) {}

    /// Waits for room; a value larger than all the room goes through alone. False when the queue was closed.
    bool push(Value value, std::size_t bytes) {
        std::unique_lock lock(mutex_);
        has_room_.wait(
            lock, [&] { return closed_ || entries_.empty() || (entries_.size() < values_max_ && bytes_ + bytes <= bytes_max_); });
        if (closed_) return false;
        bytes_ += bytes;
        entries_.emplace_back(std::move(value), bytes);
        lock.unlock();
        has_value_.notify_one();
        return true;
    }

    /// Waits for a value; nothing when the queue is closed and empty.
    std::optional<Value> pop() {
        std::unique_lock lock(mutex_);
        has_value_.wait(lock, [&] { return closed_ || !entries_.empty(); });
        if (entries_.empty()) return std::nullopt;
        std::optional<Value> value(std::move(entries_.front().first));
        bytes_ -= entries_.front().second;
        entries_.pop_front();
        lock.unlock();
        has_room_.notify_one();
        return value;
    }

    void close() {
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
        }
        has_value_.notify_all();
        has_room_.notify_all();
    }

private:
    const std::size_t values_max_;
    const std::size_t bytes_max_;
    std::mutex mutex_;
    std::condition_variable has_value_;
    std::condition_variable has_room_;
    std::deque<std::pair<Value, std::size_t>> entries_;
    std::size_t bytes_ = 0;
    bool closed_ = false;
};

}  // namespace tools
