// SPDX-License-Identifier: Apache-2.0
//
// What a peer is. Every workload is a template over it, so all do the same work:
//
//     static constexpr const char* name;
//     static constexpr bool thread_safe;
//     using handle = ...;                 default-constructible, movable
//     Peer();                             throws absent when this machine does not have it
//     handle get(std::size_t size);
//     static std::byte* data(handle&);
//     void put(handle&);                  the handle is empty or dead afterwards
//     void trim();                        gives idle memory back, as far as the peer can be told to
#pragma once

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// The peer is not on this machine.
struct absent : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The handle of peers that know addresses only: the user has to keep the size, as users have to.
struct block {
    std::byte* address = nullptr;
    std::size_t size = 0;
};

/// Base of those peers.
struct plain_peer {
    using handle = block;
    static std::byte* data(const block& held) noexcept { return held.address; }
    void trim() noexcept {}
};

/// Gets 32 buffers, fills each with its number, reads all back: a harness that measures pointers nobody owns says so here.
template <class Peer>
void check(Peer& peer, std::size_t size) {
    std::vector<typename Peer::handle> held;
    for (int i = 0; i < 32; ++i) {
        held.push_back(peer.get(size));
        if (Peer::data(held.back()) == nullptr) throw std::runtime_error(std::string(Peer::name) + ": no memory");
        std::memset(Peer::data(held.back()), i, size);
    }
    bool is_intact = true;
    for (int i = 0; i < 32; ++i) {
        const std::byte* bytes = Peer::data(held[static_cast<std::size_t>(i)]);
        for (std::size_t at = 0; at < size; ++at) is_intact = is_intact && bytes[at] == static_cast<std::byte>(i);
        peer.put(held[static_cast<std::size_t>(i)]);
    }
    if (!is_intact) throw std::runtime_error(std::string(Peer::name) + ": buffers overlap");
}

}  // namespace bench
