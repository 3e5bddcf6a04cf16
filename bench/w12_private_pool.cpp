// SPDX-License-Identifier: Apache-2.0
//
// W12: a pool is created, 64 buffers of 2 KiB come out of it and go back, the pool is destroyed; the whole of it is one operation. What
// has no pools of its own ("shared_...") takes the buffers from the common heap: the price without isolation.
//
// smoke: --seconds=0.02 --benchmark_filter=^w12/(polder|polder_fallback|glibc)/
#include <array>
#include <cstdint>
#include <string>

#include "peers/peers.hpp"
#include "support/keep.hpp"

namespace {

constexpr std::size_t size = 2048;
constexpr std::size_t buffers = 64;

template <class Peer>
void serve(Peer& peer) {
    std::array<typename Peer::handle, buffers> held{};
    for (auto& one : held) {
        one = peer.get(bench::opaque(size));
        bench::keep(Peer::data(one));
    }
    for (auto& one : held) peer.put(one);
}

/// The pool is the peer object.
template <class Peer>
struct own_pool {
    static constexpr const char* name = Peer::name;
    void cycle() {
        Peer peer;
        serve(peer);
    }
};

template <class Resource>
struct own_resource {
    void cycle() {
        struct : bench::plain_peer {
            bench::block get(std::size_t wanted) { return {static_cast<std::byte*>(resource.allocate(wanted)), wanted}; }
            void put(bench::block& held) { resource.deallocate(held.address, held.size); }
            Resource resource;
        } peer;
        serve(peer);
    }
};
struct own_pmr_sync : own_resource<std::pmr::synchronized_pool_resource> {
    static constexpr const char* name = "pmr_sync";
};
struct own_pmr_unsync : own_resource<std::pmr::unsynchronized_pool_resource> {
    static constexpr const char* name = "pmr_unsync";
};

struct mimalloc_heap {
    static constexpr const char* name = "mimalloc_heap";
    void cycle() {
        struct : bench::plain_peer {
            bench::block get(std::size_t wanted) { return {static_cast<std::byte*>(from->heap_malloc(heap, wanted)), wanted}; }
            void put(bench::block& held) { from->heap_free(held.address); }
            mimalloc_heap* from;
            void* heap;
        } peer;
        peer.from = this;
        peer.heap = heap_new();
        serve(peer);
        heap_destroy(peer.heap);
    }

private:
    bench::shared_library library{"libmimalloc.so.2"};
    void* (*heap_new)() = library.get<void*()>("mi_heap_new");
    void (*heap_destroy)(void*) = library.get<void(void*)>("mi_heap_destroy");
    void* (*heap_malloc)(void*, std::size_t) = library.get<void*(void*, std::size_t)>("mi_heap_malloc");
    void (*heap_free)(void*) = library.get<void(void*)>("mi_free");
};

/// No pool is made at all.
template <class Peer>
struct common_heap {
    static inline const std::string name = std::string("shared_") + Peer::name;
    void cycle() { serve(peer); }
    Peer peer;
};

template <class Cycle>
bench::figures private_pool() {
    Cycle one;
    return bench::per_operation(bench::repeat_for(bench::sample_seconds, [&](std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) one.cycle();
    }));
}

}  // namespace

int main(int argc, char** argv) {
    using peers = bench::peer_list<own_pool<bench::polder_peer>, own_pool<bench::polder_fallback>, own_pmr_sync, own_pmr_unsync,
                                   mimalloc_heap, own_pool<bench::boost_pool<size>>, common_heap<bench::polder_peer>,
                                   common_heap<bench::glibc>, common_heap<bench::mimalloc>, common_heap<bench::jemalloc>,
                                   common_heap<bench::tcmalloc>, common_heap<bench::tbb>>;
    bench::add(peers{}, "w12", []<class Cycle>(std::type_identity<Cycle>) { return private_pool<Cycle>(); });
    return bench::run(argc, argv);
}
