// SPDX-License-Identifier: Apache-2.0
//
// W4: n threads, each for itself: a buffer of random size, uniform in 1 B ... 4 MiB, its first 64 KiB written, released. Wall time per
// operation over all threads; the threads are not pinned.
//
// smoke: --seconds=0.02 --benchmark_filter=^w4_4/(polder|polder_fallback|glibc)/
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "peers/peers.hpp"
#include "support/keep.hpp"
#include "support/random.hpp"

namespace {

struct alignas(128) worker_count {
    std::atomic<std::uint64_t> operations{0};
};

template <class Peer>
bench::figures workers(unsigned threads) {
    Peer peer;
    bench::check(peer, 2048);
    const auto counts = std::make_unique<worker_count[]>(threads);
    std::atomic<bool> is_over{false};
    const auto work = [&](unsigned number) {
        bench::random_source random(number + 10);
        std::uint64_t done = 0;
        while (!is_over.load(std::memory_order_relaxed)) {
            const std::size_t size = bench::opaque(random.up_to(std::size_t{4} << 20));
            auto held = peer.get(size);
            std::memset(Peer::data(held), 1, std::min(size, std::size_t{64} << 10));
            bench::keep(Peer::data(held));
            peer.put(held);
            counts[number].operations.store(++done, std::memory_order_relaxed);
        }
    };
    const auto total = [&] {
        std::uint64_t sum = 0;
        for (unsigned i = 0; i < threads; ++i) sum += counts[i].operations.load(std::memory_order_relaxed);
        return sum;
    };
    const auto sleep = [](double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); };

    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i) all.emplace_back(work, i);
    sleep(std::max(0.1, bench::sample_seconds / 3));
    const std::uint64_t first = total();
    const std::uint64_t faults = bench::page_faults();
    const double cpu = bench::cpu_seconds();
    const double wall = bench::wall_seconds();
    sleep(bench::sample_seconds);
    const double operations = static_cast<double>(total() - first);
    const double wall_spent = bench::wall_seconds() - wall;
    const double cpu_spent = bench::cpu_seconds() - cpu;
    const double faulted = static_cast<double>(bench::page_faults() - faults);
    is_over = true;
    for (std::thread& one : all) one.join();

    bench::figures found = bench::per_operation({wall_spent, operations, faulted});
    found.emplace_back("cpu_ns", cpu_spent * 1e9 / operations);
    return found;
}

}  // namespace

int main(int argc, char** argv) {
    using peers = decltype(bench::sharing_peers{} + bench::peer_list<bench::limit_tls_stack>{});
    for (const unsigned threads : {1u, 2u, 4u, 8u, 16u, 32u}) {
        bench::add(peers{}, "w4_" + std::to_string(threads),
                   [threads]<class Peer>(std::type_identity<Peer>) { return workers<Peer>(threads); });
    }
    return bench::run(argc, argv);
}
