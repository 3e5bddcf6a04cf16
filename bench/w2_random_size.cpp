// SPDX-License-Identifier: Apache-2.0
//
// W2: one buffer of random size, uniform in 1 B ... 4 MiB, acquired and released, one thread, untouched.
// W2x: the same in 1 B ... 8 MiB, so that half of the sizes are above polder's top tier.
//
// smoke: --seconds=0.02 --benchmark_filter=^w2x/(polder|polder_fallback|glibc)/
#include <cstdint>

#include "peers/peers.hpp"
#include "support/keep.hpp"
#include "support/random.hpp"

namespace {

template <class Peer>
bench::figures any_size(std::size_t largest) {
    Peer peer;
    bench::check(peer, 2048);
    bench::random_source random(1);
    return bench::per_operation(bench::repeat_for(bench::sample_seconds, [&](std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            auto held = peer.get(bench::opaque(random.up_to(largest)));
            bench::keep(Peer::data(held));
            peer.put(held);
        }
    }));
}

}  // namespace

int main(int argc, char** argv) {
    bench::add(bench::single_thread_peers{}, "w2",
               []<class Peer>(std::type_identity<Peer>) { return any_size<Peer>(std::size_t{4} << 20); });
    bench::add(bench::single_thread_peers{}, "w2x",
               []<class Peer>(std::type_identity<Peer>) { return any_size<Peer>(std::size_t{8} << 20); });
    return bench::run(argc, argv);
}
