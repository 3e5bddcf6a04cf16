// SPDX-License-Identifier: Apache-2.0
//
// W9: how long single acquisitions take in the work of W3s, two threads at once with 128 live buffers each. "ns" is the 99.9th percentile,
// two time stamps included; maxima tell more about the scheduler than about anybody's memory.
//
// smoke: --seconds=0.02 --benchmark_filter=^w9/(polder|polder_fallback|glibc)/
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <thread>

#include "peers/peers.hpp"
#include "support/keep.hpp"
#include "support/random.hpp"

namespace {

/// Counts of durations in steps of 1.6 %: 64 to a doubling.
class histogram {
public:
    void record(std::uint64_t ticks) noexcept {
        largest_ = std::max(largest_, ticks);
        ++total_;
        ++counts_[index_of(ticks)];
    }

    void add(const histogram& other) noexcept {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        total_ += other.total_;
        largest_ = std::max(largest_, other.largest_);
    }

    /// In ticks: the upper end of the step in which the quantile falls.
    double quantile(double part) const noexcept {
        const auto rank = static_cast<std::uint64_t>(std::ceil(static_cast<double>(total_) * part));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen >= rank) return std::min(upper_end(i), static_cast<double>(largest_));
        }
        return static_cast<double>(largest_);
    }

    double total() const noexcept { return static_cast<double>(total_); }

private:
    static constexpr unsigned step_bits = 6;
    static constexpr std::size_t steps = std::size_t{1} << step_bits;

    static std::size_t index_of(std::uint64_t ticks) noexcept {
        if (ticks < steps) return static_cast<std::size_t>(ticks);
        const unsigned shift = static_cast<unsigned>(std::bit_width(ticks)) - step_bits - 1;
        return (std::size_t{shift} + 1) * steps + static_cast<std::size_t>((ticks >> shift) - steps);
    }

    static double upper_end(std::size_t index) noexcept {
        if (index < steps) return static_cast<double>(index);
        const std::size_t shift = index / steps - 1;
        return std::ldexp(static_cast<double>(index % steps + steps + 1), static_cast<int>(shift)) - 1;
    }

    std::array<std::uint64_t, 60 * steps> counts_{};
    std::uint64_t total_ = 0;
    std::uint64_t largest_ = 0;
};

template <class Peer>
struct worker {
    void operator()() {
        for (std::size_t at = 0; at < held.size(); ++at) fill(at, false);
        const double seconds = bench::at_least(0.15);  // a thousandth of the latencies has to be many of them
        const double start = bench::wall_seconds();
        ready->fetch_add(1);
        while (ready->load(std::memory_order_relaxed) < 2) {
        }
        bool is_warm = false;
        for (;;) {
            for (int i = 0; i < 32; ++i) replace(random.below(held.size()), is_warm);
            const double passed = bench::wall_seconds() - start;
            is_warm = passed > seconds / 2;
            if (passed > seconds * 1.5) break;
        }
        // Nobody leaves early: the other one would be measured alone.
        ready->fetch_add(1);
        while (ready->load(std::memory_order_relaxed) < 4) replace(random.below(held.size()), false);
        for (auto& one : held) peer->put(one);
    }

    void replace(std::size_t at, bool is_recorded) {
        peer->put(held[at]);
        fill(at, is_recorded);
    }

    void fill(std::size_t at, bool is_recorded) {
        const std::size_t size = bench::opaque(sizes.draw(random));
        bench::drain_stores();
        const std::uint64_t before = bench::stamp();
        held[at] = peer->get(size);
        const std::uint64_t after = bench::stamp();
        if (is_recorded) latencies.record(after - before);
        std::byte* data = Peer::data(held[at]);
        std::uint32_t salt = random.next();
        for (std::size_t page = 0; page < size; page += 4096) {
            salt += 0x9e3779b9u;
            const std::size_t inside = page + (salt >> 26) * 64;
            data[inside < size ? inside : page] = std::byte{1};
        }
        bench::keep(data);
    }

    Peer* peer;
    std::atomic<int>* ready;
    bench::random_source random;
    bench::log_uniform_sizes sizes{64, std::size_t{4} << 20};
    std::array<typename Peer::handle, 128> held{};
    histogram latencies{};
};

template <class Peer>
bench::figures latency() {
    Peer peer;
    bench::check(peer, 2048);
    const double scale = bench::nanoseconds_per_stamp();
    std::atomic<int> ready{0};
    worker<Peer> first{.peer = &peer, .ready = &ready, .random = bench::random_source(3)};
    worker<Peer> second{.peer = &peer, .ready = &ready, .random = bench::random_source(4)};
    std::thread other([&] { second(); });
    std::thread one([&] { first(); });
    one.join();
    other.join();
    histogram& all = first.latencies;
    all.add(second.latencies);
    const auto nanoseconds = [&](double part) { return all.quantile(part) * scale; };
    return {{"ns", nanoseconds(0.999)},   {"p50", nanoseconds(0.5)}, {"p99", nanoseconds(0.99)},
            {"p999", nanoseconds(0.999)}, {"max", nanoseconds(1.0)}, {"operations", all.total()}};
}

}  // namespace

int main(int argc, char** argv) {
    using peers = decltype(bench::sharing_peers{} + bench::peer_list<bench::limit_tls_stack>{});
    bench::add(peers{}, "w9", []<class Peer>(std::type_identity<Peer>) { return latency<Peer>(); });
    return bench::run(argc, argv);
}
