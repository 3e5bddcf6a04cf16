// SPDX-License-Identifier: Apache-2.0
//
// Pools that come with the compiler or from Boost. They are header-only or nearly so, hence inlined where a compiler wishes.
#pragma once

#include <malloc.h>

#include <cstddef>
#include <memory_resource>

#include "block.hpp"

#if __has_include(<boost/pool/pool.hpp>)
#include <boost/pool/pool.hpp>
#include <boost/pool/singleton_pool.hpp>
#define POLDER_BENCH_HAS_BOOST_POOL 1
#else
#define POLDER_BENCH_HAS_BOOST_POOL 0
#endif

namespace bench {

/// By default these pools hand most large sizes through to malloc; told to, they pool up to 4 MiB.
inline constexpr std::pmr::pool_options pool_everything{.max_blocks_per_chunk = 0,
                                                        .largest_required_pool_block = std::size_t{4} << 20};

template <class Resource>
struct pmr_peer : plain_peer {
    block get(std::size_t size) { return {static_cast<std::byte*>(resource.allocate(size)), size}; }
    void put(block& held) { resource.deallocate(held.address, held.size); }
    void trim() {
        resource.release();
        ::malloc_trim(0);  // where it had its memory from
    }

    // Never destroyed: synchronized_pool_resource of libstdc++ 12 crashes when threads that used it are still exiting.
    Resource& resource = *new Resource(pool_everything);
};

struct pmr_sync : pmr_peer<std::pmr::synchronized_pool_resource> {
    static constexpr const char* name = "pmr_sync";
    static constexpr bool thread_safe = true;
};

struct pmr_unsync : pmr_peer<std::pmr::unsynchronized_pool_resource> {
    static constexpr const char* name = "pmr_unsync";
    static constexpr bool thread_safe = false;
};

#if POLDER_BENCH_HAS_BOOST_POOL

/// One size; not thread-safe.
template <std::size_t Size>
struct boost_pool : plain_peer {
    static constexpr const char* name = "boost_pool";
    static constexpr bool thread_safe = false;

    block get(std::size_t size) { return {static_cast<std::byte*>(pool.malloc()), size}; }
    void put(block& held) { pool.free(held.address); }

    boost::pool<> pool{Size};
};

/// One size, behind a mutex.
template <std::size_t Size>
struct boost_singleton_pool : plain_peer {
    static constexpr const char* name = "boost_singleton_pool";
    static constexpr bool thread_safe = true;
    struct tag {};
    using pool = boost::singleton_pool<tag, Size>;

    block get(std::size_t size) { return {static_cast<std::byte*>(pool::malloc()), size}; }
    void put(block& held) { pool::free(held.address); }
};

#else

template <std::size_t>
struct missing_boost_pool : plain_peer {
    static constexpr bool thread_safe = true;
    missing_boost_pool() { throw absent("built without the headers of Boost.Pool"); }
    block get(std::size_t) { return {}; }
    void put(block&) {}
};
template <std::size_t Size>
struct boost_pool : missing_boost_pool<Size> {
    static constexpr const char* name = "boost_pool";
};
template <std::size_t Size>
struct boost_singleton_pool : missing_boost_pool<Size> {
    static constexpr const char* name = "boost_singleton_pool";
};

#endif

}  // namespace bench
