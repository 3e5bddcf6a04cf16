// SPDX-License-Identifier: Apache-2.0
//
// W1: one buffer of 2 KiB acquired and released, one thread, untouched.
// W1d: 32 acquired, then 32 released; per buffer.
//
// smoke: --seconds=0.02 --benchmark_filter=^w1/(polder|polder_fallback|glibc)/
#include <array>
#include <cstdint>

#include "peers/peers.hpp"
#include "support/keep.hpp"

namespace {

constexpr std::size_t size = 2048;

template <class Peer>
bench::figures one_at_a_time() {
    Peer peer;
    bench::check(peer, size);
    return bench::per_operation(bench::repeat_for(bench::sample_seconds, [&](std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            auto held = peer.get(bench::opaque(size));
            bench::keep(Peer::data(held));
            peer.put(held);
        }
    }));
}

template <class Peer>
bench::figures thirty_two_deep() {
    Peer peer;
    bench::check(peer, size);
    std::array<typename Peer::handle, 32> held{};
    bench::sample taken = bench::repeat_for(bench::sample_seconds, [&](std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            for (auto& one : held) {
                one = peer.get(bench::opaque(size));
                bench::keep(Peer::data(one));
            }
            for (auto& one : held) peer.put(one);
        }
    });
    taken.operations *= static_cast<double>(held.size());
    return bench::per_operation(taken);
}

}  // namespace

int main(int argc, char** argv) {
    bench::add(bench::fixed_size_peers<size>{}, "w1", []<class Peer>(std::type_identity<Peer>) { return one_at_a_time<Peer>(); });
    bench::add(bench::fixed_size_peers<size>{}, "w1d",
               []<class Peer>(std::type_identity<Peer>) { return thirty_two_deep<Peer>(); });
    return bench::run(argc, argv);
}
