// SPDX-License-Identifier: Apache-2.0
//
// Plan: the contract of a pool for the handles of a buffer_pool; objects of static lifetime, in either order.
#include <memory>
#include <thread>

#include "conformance/buffer_pool_faces.hpp"
#include "support/pattern.hpp"

namespace polder::test {
namespace {

using with_caches = handle_face<true>;
POLDER_INSTANTIATE_POOL_SUITE(BufferPool, with_caches);

// Static storage is destroyed in reverse order: `late` goes after its pool, `early` before. The test is that the program ends well.
buffer late;
buffer_pool static_pool({.name = "static", .committed_bytes_max = 64_MiB});
buffer early;

TEST(StaticLifetime, BuffersMayGoBeforeAndAfterTheirPool) {
    late = static_pool.acquire(100);
    early = static_pool.acquire(5_MiB);
    fill(late.span(), 1);
    static auto& never_destroyed = *new buffer(static_pool.acquire(3000));
    fill(never_destroyed.span(), 2);
    EXPECT_EQ(static_pool.stats().buffers_in_use, 3U);
}

TEST(StaticLifetime, ThreadsMayKeepBuffersToTheirEnd) {
    auto pool = std::make_unique<buffer_pool>(buffer_pool_options{.committed_bytes_max = 64_MiB});
    std::thread([&] {
        thread_local buffer kept;
        kept = pool->acquire(1000);
        fill(kept.span(), 3);
    }).join();
    EXPECT_EQ(pool->stats().buffers_in_use, 0U);
}

}  // namespace
}  // namespace polder::test
