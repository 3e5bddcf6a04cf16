// SPDX-License-Identifier: Apache-2.0
//
// Who takes part. The list of a workload says for whom it makes sense; a peer that is absent is skipped when it is run.
#pragma once

#include "../support/program.hpp"
#include "general.hpp"
#include "limits.hpp"
#include "packaged_pools.hpp"
#include "polder.hpp"

namespace bench {

/// Any size, any number of threads.
using sharing_peers =
    peer_list<polder_peer, polder_fallback, glibc, mimalloc, mimalloc_keep, jemalloc, jemalloc_sized, tcmalloc, tbb, pmr_sync>;

template <class... One, class... More>
peer_list<One..., More...> operator+(peer_list<One...>, peer_list<More...>) {
    return {};
}

/// Any size, one thread.
using single_thread_peers = decltype(sharing_peers{} + peer_list<polder_raw, pmr_unsync, limit_tls_stack>{});

/// One size, one thread.
template <std::size_t Size>
using fixed_size_peers = decltype(single_thread_peers{} + peer_list<boost_pool<Size>, boost_singleton_pool<Size>>{});

}  // namespace bench
