// SPDX-License-Identifier: Apache-2.0
//
// Two threads and a queue: one acquires and fills, the other reads and releases. No copy, no lock in the pool, no page fault once
// the first buffers have made the round.
#include <polder/polder.hpp>

#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <queue>
#include <thread>
#include <utility>

#include "check.hpp"

using namespace polder::literals;

namespace {

/// Any queue that can carry a move-only value carries buffers.
class buffer_queue {
public:
    void push(polder::buffer b) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waiting_.size() < 64; });
        waiting_.push(std::move(b));
        changed_.notify_all();
    }

    polder::buffer pop() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !waiting_.empty(); });
        polder::buffer b = std::move(waiting_.front());
        waiting_.pop();
        changed_.notify_all();
        return b;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::queue<polder::buffer> waiting_;
};

constexpr std::uint64_t messages = 20'000;

void produce(polder::buffer_pool& pool, buffer_queue& queue) {
    for (std::uint64_t i = 1; i <= messages; ++i) {
        polder::buffer b = pool.acquire(2_KiB);
        std::memcpy(b.data(), &i, sizeof i);
        queue.push(std::move(b));
    }
    queue.push({});  // an empty handle: the end
}

std::uint64_t consume(buffer_queue& queue) {
    std::uint64_t sum = 0;
    while (polder::buffer b = queue.pop()) {
        std::uint64_t number = 0;
        std::memcpy(&number, b.data(), sizeof number);
        sum += number;
    }  // each buffer goes home here, on this thread
    return sum;
}

}  // namespace

int main() {
    polder::buffer_pool pool({.name = "pipeline", .committed_bytes_max = 16_MiB});
    buffer_queue queue;
    std::thread producer([&] { produce(pool, queue); });
    const std::uint64_t sum = consume(queue);
    producer.join();

    check(sum == messages * (messages + 1) / 2);
    const polder::pool_stats stats = pool.stats();
    check(stats.acquisitions == messages && stats.releases == messages);
    check(stats.buffers_in_use == 0 && stats.committed_bytes_peak <= 16_MiB);
}
