// SPDX-License-Identifier: Apache-2.0
//
// W7b: 16 buffers of 1 MiB acquired and written from end to end, then all released; per buffer.
//
// smoke: --seconds=0.02 --benchmark_filter=^w7b/(polder|polder_fallback|glibc)/
#include <array>
#include <cstdint>
#include <cstring>

#include "peers/peers.hpp"
#include "support/keep.hpp"

namespace {

template <class Peer>
bench::figures burst(std::size_t size) {
    Peer peer;
    bench::check(peer, 2048);
    std::array<typename Peer::handle, 16> held{};
    bench::sample taken = bench::repeat_for(bench::sample_seconds, [&](std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            for (auto& one : held) {
                const std::size_t wanted = bench::opaque(size);
                one = peer.get(wanted);
                std::memset(Peer::data(one), 1, wanted);
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
    bench::add(bench::single_thread_peers{}, "w7b",
               []<class Peer>(std::type_identity<Peer>) { return burst<Peer>(std::size_t{1} << 20); });
    return bench::run(argc, argv);
}
