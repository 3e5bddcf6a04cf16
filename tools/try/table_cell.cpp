// SPDX-License-Identifier: Apache-2.0
#include "try/table_cell.hpp"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "support/handoff_ring.hpp"
#include "try/memory.hpp"

namespace tools::try_scenes {
namespace {

/// Time of this thread on its CPU: what else runs on the machine does not count. Reading it costs a system call.
struct thread_cpu_clock {
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<thread_cpu_clock, duration>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept {
        timespec time{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
    }
};

constexpr std::size_t page = 4096;
constexpr std::size_t ring_depth_max = 64;
constexpr std::size_t ring_bytes_max = std::size_t{32} << 20;

/// Warms up, then measures: tell it how many buffers are done, now and then, until it has enough.
template <class clock>
class meter {
public:
    explicit meter(const cell_plan& plan)
        : warm_end_(clock::now() + milliseconds(plan.warm_up_ms)), measured_(milliseconds(plan.measured_ms)), buffers_min_(plan.buffers_min) {}

    /// True until enough is measured.
    bool wants_more(std::size_t done) {
        const auto now = clock::now();
        if (!measuring_) {
            if (now < warm_end_ || done < buffers_min_) return true;
            measuring_ = true;
            start_ = now;
            done_at_start_ = done;
            return true;
        }
        if (now - start_ < measured_ || done - done_at_start_ < buffers_min_) return true;
        ns_per_buffer_ = std::chrono::duration<double, std::nano>(now - start_).count() / static_cast<double>(done - done_at_start_);
        return false;
    }

    double ns_per_buffer() const noexcept { return ns_per_buffer_; }

private:
    static typename clock::duration milliseconds(double ms) {
        return std::chrono::duration_cast<typename clock::duration>(std::chrono::duration<double, std::milli>(ms));
    }

    typename clock::time_point warm_end_;
    typename clock::duration measured_;
    std::size_t buffers_min_;
    bool measuring_ = false;
    typename clock::time_point start_;
    std::size_t done_at_start_ = 0;
    double ns_per_buffer_ = 0;
};

/// How many buffers between two looks at the clock: where it would cost more than a hundredth, several.
std::size_t stride_of(std::size_t size) noexcept { return size <= 4 * 1024 ? 4096 : size <= 1024 * 1024 ? 64 : 1; }

/// The compiler must take these bytes for read and written, and the allocation for needed.
void escape(void* data) noexcept { asm volatile("" : : "r"(data) : "memory"); }

void touch_each_page(std::byte* data, std::size_t size) noexcept {
    for (std::size_t at = 0; at < size; at += page) data[at] = std::byte{1};
    escape(data);
}

void read_each_page(const std::byte* data, std::size_t size) noexcept {
    unsigned sum = 0;
    for (std::size_t at = 0; at < size; at += page) sum += std::to_integer<unsigned>(data[at]);
    asm volatile("" : : "r"(sum));
}

std::size_t ring_depth(std::size_t size) noexcept { return std::clamp<std::size_t>(ring_bytes_max / size, 1, ring_depth_max); }

template <class Memory>
double same_thread(const cell_plan& plan) {
    Memory memory;
    meter<thread_cpu_clock> time(plan);
    const std::size_t stride = stride_of(plan.size);
    std::size_t done = 0;
    do {
        for (std::size_t i = 0; i < stride; ++i) {
            auto buffer = memory.get(plan.size);
            touch_each_page(buffer.data(), plan.size);
        }
        done += stride;
    } while (time.wants_more(done));
    return time.ns_per_buffer();
}

template <class Memory>
double burst(const cell_plan& plan) {
    Memory memory;
    meter<thread_cpu_clock> time(plan);
    std::array<typename Memory::buffer, burst_buffers> buffers;
    std::size_t done = 0;
    const std::size_t bursts = std::max<std::size_t>(1, stride_of(plan.size) / burst_buffers);
    do {
        for (std::size_t i = 0; i < bursts; ++i) {
            for (auto& buffer : buffers) {
                buffer = memory.get(plan.size);
                std::memset(buffer.data(), static_cast<int>(done & 0x7F) + 1, plan.size);
                escape(buffer.data());
            }
            for (auto& buffer : buffers) buffer.reset();
        }
        done += bursts * burst_buffers;
    } while (time.wants_more(done));
    return time.ns_per_buffer();
}

/// Binds the calling thread to the n-th CPU that this process may use, when there are two at least.
void stay_on_cpu(int n) {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed) || n-- > 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        ::sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

template <class Memory>
double hand_off(const cell_plan& plan) {
    Memory memory;
    handoff_ring<typename Memory::buffer> ring(ring_depth(plan.size));
    std::atomic<bool> stop{false};
    meter<std::chrono::steady_clock> time(plan);
    std::thread consumer([&] {
        stay_on_cpu(1);
        const std::size_t stride = stride_of(plan.size);
        std::size_t done = 0;
        typename Memory::buffer buffer;
        while (ring.pop(buffer, stop)) {
            read_each_page(buffer.data(), plan.size);
            buffer.reset();
            if (++done % stride == 0 && !time.wants_more(done)) break;
        }
        stop.store(true, std::memory_order_release);
    });
    try {
        stay_on_cpu(0);
        while (!stop.load(std::memory_order_acquire)) {
            auto buffer = memory.get(plan.size);
            touch_each_page(buffer.data(), plan.size);
            if (!ring.push(std::move(buffer), stop)) break;
        }
    } catch (...) {
        stop.store(true, std::memory_order_release);
        consumer.join();
        throw;
    }
    consumer.join();
    return time.ns_per_buffer();
}

template <class Memory>
double measure_with(const cell_plan& plan) {
    switch (plan.how) {
        case pattern::same_thread: return same_thread<Memory>(plan);
        case pattern::hand_off: return hand_off<Memory>(plan);
        case pattern::burst: return burst<Memory>(plan);
    }
    return 0;
}

}  // namespace

std::size_t live_bytes(const cell_plan& plan) noexcept {
    switch (plan.how) {
        case pattern::same_thread: return plan.size;
        case pattern::hand_off: return plan.size * (ring_depth(plan.size) + 3);
        case pattern::burst: return plan.size * burst_buffers;
    }
    return 0;
}

double measure_cell(memory_kind kind, const cell_plan& plan) {
    return kind == memory_kind::malloc ? measure_with<malloc_memory>(plan) : measure_with<polder_memory>(plan);
}

}  // namespace tools::try_scenes
