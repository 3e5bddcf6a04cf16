// SPDX-License-Identifier: Apache-2.0
//
// polder itself, three ways, each with default options otherwise: the handle, the handle without per-CPU caches (what a system without
// restartable sequences gets), and raw pointers.
#pragma once

#include <polder/pools/buffer_pool.hpp>

#include "block.hpp"

namespace bench {

inline polder::buffer_pool_options polder_options(bool per_cpu_caches) {
    polder::buffer_pool_options options;
    options.name = "bench";
    options.per_cpu_caches = per_cpu_caches;
    return options;
}

template <bool PerCpuCaches>
struct polder_handles {
    static constexpr const char* name = PerCpuCaches ? "polder" : "polder_fallback";
    static constexpr bool thread_safe = true;
    using handle = polder::buffer;

    [[gnu::always_inline]] handle get(std::size_t size) { return pool.acquire(size); }
    [[gnu::always_inline]] static std::byte* data(handle& held) noexcept { return held.data(); }
    [[gnu::always_inline]] void put(handle& held) noexcept { held.reset(); }
    void trim() noexcept { pool.trim(); }

    polder::buffer_pool pool{polder_options(PerCpuCaches)};
};

using polder_peer = polder_handles<true>;
using polder_fallback = polder_handles<false>;

struct polder_raw : plain_peer {
    static constexpr const char* name = "polder_raw";
    static constexpr bool thread_safe = true;

    block get(std::size_t size) { return {static_cast<std::byte*>(pool.allocate(size)), size}; }
    void put(block& held) noexcept { pool.deallocate(held.address); }
    void trim() noexcept { pool.trim(); }

    polder::buffer_pool pool{polder_options(true)};
};

}  // namespace bench
