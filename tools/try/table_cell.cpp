// SPDX-License-Identifier: Apache-2.0
#include "try/table_cell.hpp"

#include <sched.h>
#include <sys/resource.h>
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
    [[maybe_unused]] static constexpr bool is_steady = true;
    static time_point now() noexcept {
        timespec time{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
    }
};

constexpr std::size_t page = 4096;
constexpr std::size_t ring_depth_max = 64;
constexpr std::size_t ring_bytes_max = std::size_t{32} << 20;

/// Of all threads: how far the warm-up came does not depend on what else the machine does.
double process_cpu_ms() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

std::uint64_t minor_faults_so_far() noexcept {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_minflt);
}

/// Warms up, then measures: tell it how many buffers are done, now and then, until it has enough. It is warm when the time is up and
/// all buffers under way were replaced several times without a page fault; or when that does not come, as with malloc's mapped blocks.
template <class clock>
class meter {
public:
    explicit meter(const cell_plan& plan) : plan_(plan), start_(clock::now()), faults_(minor_faults_so_far()) {}

    /// True until enough is measured.
    bool wants_more(std::size_t done) {
        const std::chrono::duration<double, std::milli> elapsed = clock::now() - start_;
        if (!measuring_) {
            if (done < plan_.buffers_min || elapsed.count() < plan_.warm_up_ms) return true;
            if (process_cpu_ms() - cpu_ms_at_start_ < plan_.warm_up_ms_max && !faults_have_ceased(done)) return true;
            measuring_ = true;
            done_at_start_ = done;
            faults_ = minor_faults_so_far();
            start_ = clock::now();
            return true;
        }
        if (elapsed.count() < plan_.measured_ms || done - done_at_start_ < plan_.buffers_min) return true;
        const auto buffers = static_cast<double>(done - done_at_start_);
        figures_.ns = elapsed.count() * 1e6 / buffers;
        figures_.minor_faults = static_cast<double>(minor_faults_so_far() - faults_) / buffers;
        return false;
    }

    const cell_figures& per_buffer() const noexcept { return figures_; }

private:
    bool faults_have_ceased(std::size_t done) noexcept {
        const std::uint64_t faults = minor_faults_so_far();
        if (faults != faults_) {
            faults_ = faults;
            done_at_start_ = done;
        }
        return done - done_at_start_ >= 8 * (live_bytes(plan_) / plan_.size);
    }

    const cell_plan plan_;
    typename clock::time_point start_;
    const double cpu_ms_at_start_ = process_cpu_ms();
    std::uint64_t faults_;
    std::size_t done_at_start_ = 0;  // of the measurement; before, when the last page fault was seen
    bool measuring_ = false;
    cell_figures figures_;
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
cell_figures same_thread(const cell_plan& plan) {
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
    return time.per_buffer();
}

template <class Memory>
cell_figures burst(const cell_plan& plan) {
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
    return time.per_buffer();
}

/// The CPUs that this process may use. Asked before the first thread binds itself: threads inherit that.
cpu_set_t allowed_cpus() noexcept {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    return allowed;
}

/// Binds the calling thread to the n-th of these CPUs, when there are two at least.
void stay_on_cpu(const cpu_set_t& allowed, int n) noexcept {
    if (CPU_COUNT(&allowed) < 2) return;
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
cell_figures hand_off(const cell_plan& plan) {
    Memory memory;
    handoff_ring<typename Memory::buffer> ring(ring_depth(plan.size));
    std::atomic<bool> stop{false};
    const cpu_set_t cpus = allowed_cpus();
    stay_on_cpu(cpus, 0);
    {
        // As many as can ever be under way at once: chance would bring that about too, but on a busy machine late.
        std::vector<typename Memory::buffer> all(live_bytes(plan) / plan.size);
        for (auto& buffer : all) {
            buffer = memory.get(plan.size);
            touch_each_page(buffer.data(), plan.size);
        }
        for (std::size_t i = 0; i < ring_depth(plan.size); ++i) ring.push(std::move(all[i]), stop);
    }
    meter<std::chrono::steady_clock> time(plan);
    std::thread consumer([&] {
        stay_on_cpu(cpus, 1);
        const std::size_t stride = stride_of(plan.size);
        std::size_t done = 0;
        typename Memory::buffer buffer;
        while (ring.pop(buffer, stop)) {
            read_each_page(buffer.data(), plan.size);
            buffer.reset();
            if (++done % stride != 0) continue;
            if (plan.made == fault::page_faults) memory.forget_idle();
            if (!time.wants_more(done)) break;
        }
        stop.store(true, std::memory_order_release);
    });
    try {
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
    return time.per_buffer();
}

template <class Memory>
cell_figures measure_with(const cell_plan& plan) {
    switch (plan.how) {
        case pattern::same_thread:
            return same_thread<Memory>(plan);
        case pattern::hand_off:
            return hand_off<Memory>(plan);
        case pattern::burst:
            return burst<Memory>(plan);
    }
    return {};
}

}  // namespace

std::size_t live_bytes(const cell_plan& plan) noexcept {
    switch (plan.how) {
        case pattern::same_thread:
            return plan.size;
        case pattern::hand_off:
            return plan.size * (ring_depth(plan.size) + 3);
        case pattern::burst:
            return plan.size * burst_buffers;
    }
    return 0;
}

cell_figures measure_cell(memory_kind kind, const cell_plan& plan) {
    return kind == memory_kind::malloc ? measure_with<malloc_memory>(plan) : measure_with<polder_memory>(plan);
}

}  // namespace tools::try_scenes
