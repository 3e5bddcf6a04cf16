// SPDX-License-Identifier: Apache-2.0
//
// W5: thread A acquires, a bounded ring of 256 carries the handle, thread B releases; wall time per buffer, each thread on a processor of
// its own. "touched": A writes the first 64 bytes with a number that B reads and checks. Page faults are those of the steady state.
//
// smoke: --seconds=0.02 --benchmark_filter=^w5_2k_touched/(polder|polder_fallback|glibc)/
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <thread>

#include "peers/peers.hpp"
#include "support/keep.hpp"
#include "support/ring.hpp"
#include "support/threads.hpp"

namespace {

struct line {
    std::uint64_t words[8];
};

template <class Peer, bool IsTouched>
bench::figures hand_off(std::size_t size) {
    using handle = typename Peer::handle;
    Peer peer;
    bench::check(peer, size);
    const auto ring = std::make_unique<bench::spsc_ring<handle, 256>>();
    std::atomic<bool> is_over{false};
    std::atomic<bool> is_wrong{false};

    std::thread consumer([&] {
        bench::pin_to(1);
        bench::patience patience;
        std::uint64_t expected = 0;
        const auto take = [&](handle& held) {
            if constexpr (IsTouched) {
                line seen;
                std::memcpy(&seen, Peer::data(held), sizeof seen);
                std::uint64_t differing = 0;
                for (const std::uint64_t word : seen.words) differing |= word ^ expected;
                if (differing != 0) is_wrong.store(true, std::memory_order_relaxed);
                ++expected;
            }
            peer.put(held);
        };
        for (;;) {
            if (ring->try_consume(take)) {
                patience.reset();
            } else {
                if (is_over.load(std::memory_order_acquire) && !ring->try_consume(take)) return;
                patience.wait();
            }
        }
    });

    bench::sample taken;
    std::uint64_t faults = 0;
    double cpu_spent = 0;
    std::thread producer([&] {
        bench::pin_to(0);
        bench::patience patience;
        std::uint64_t number = 0;
        const auto send = [&](std::uint64_t count) {
            for (std::uint64_t i = 0; i < count; ++i) {
                handle held = peer.get(bench::opaque(size));
                if constexpr (IsTouched) {
                    line filled;
                    for (std::uint64_t& word : filled.words) word = number;
                    std::memcpy(Peer::data(held), &filled, sizeof filled);
                    ++number;
                }
                bench::keep(Peer::data(held));
                patience.reset();
                while (!ring->try_push(std::move(held))) patience.wait();
            }
        };
        constexpr std::uint64_t batch = 1024;
        double start = bench::wall_seconds();
        const double until_steady = bench::at_least(0.3) / 3;
        while (bench::wall_seconds() - start < until_steady) send(batch);
        faults = bench::page_faults();
        const double cpu = bench::cpu_seconds();
        start = bench::wall_seconds();
        do {
            send(batch);
            taken.operations += batch;
            taken.seconds = bench::wall_seconds() - start;
        } while (taken.seconds < bench::sample_seconds);
        faults = bench::page_faults() - faults;
        cpu_spent = bench::cpu_seconds() - cpu;
    });
    producer.join();
    is_over.store(true, std::memory_order_release);
    consumer.join();
    if (is_wrong) throw std::runtime_error("a buffer arrived with bytes of another");
    taken.faults = static_cast<double>(faults);
    bench::figures found = bench::per_operation(taken);
    found.emplace_back("cpu_ns", cpu_spent * 1e9 / taken.operations);
    return found;
}

}  // namespace

int main(int argc, char** argv) {
    using peers = decltype(bench::sharing_peers{} + bench::peer_list<bench::limit_return_ring>{});
    bench::add(peers{}, "w5_2k", []<class Peer>(std::type_identity<Peer>) { return hand_off<Peer, false>(2048); });
    bench::add(peers{}, "w5_2k_touched", []<class Peer>(std::type_identity<Peer>) { return hand_off<Peer, true>(2048); });
    bench::add(peers{}, "w5_64k", []<class Peer>(std::type_identity<Peer>) { return hand_off<Peer, false>(65536); });
    bench::add(peers{}, "w5_64k_touched", []<class Peer>(std::type_identity<Peer>) { return hand_off<Peer, true>(65536); });
    return bench::run(argc, argv);
}
