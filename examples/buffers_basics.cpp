// SPDX-License-Identifier: Apache-2.0
//
// The handle, verb by verb: size and capacity, growing, giving back early, alignment, a pool that dies first.
#include <polder/polder.hpp>

#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "check.hpp"

using namespace polder::literals;

namespace {

void sizes() {
    polder::buffer_pool pool({.name = "basics", .committed_bytes_max = 64_MiB});

    polder::buffer b = pool.acquire(1000);
    check(b.size() == 1000);                   // what was asked for
    check(b.capacity() == 1024);               // the slot that serves it
    check(pool.slot_bytes_for(1000) == 1024);  // known beforehand, too
    check(reinterpret_cast<std::uintptr_t>(b.data()) % 64 == 0);

    std::memcpy(b.data(), "polder", 6);
    const std::byte* const before = b.data();
    b.resize(1024);  // in place: within the capacity
    check(b.data() == before);
    b.resize(100'000);  // moves to a larger slot and copies the old bytes
    check(b.data() != before && std::memcmp(b.data(), "polder", 6) == 0);

    b.clear();  // nothing in it, the bytes are still ours
    check(b.empty() && b.capacity() >= 100'000);
    b.reset();  // given back; the handle is empty
    check(!b && pool.stats().buffers_in_use == 0);
}

void moving() {
    polder::buffer_pool pool;
    polder::buffer a = pool.acquire(64);
    polder::buffer b = std::move(a);  // handles move; they are never copied
    check(b.size() == 64);
    b = pool.acquire(128);  // assignment gives back what the handle had
    check(pool.stats().buffers_in_use == 1);
}

void alignment() {
    polder::buffer_pool pool;
    polder::buffer page = pool.acquire(10'000, 4096);  // any power of two up to 4 MiB
    check(reinterpret_cast<std::uintptr_t>(page.data()) % 4096 == 0);
    polder::buffer large = pool.acquire(200_MiB);  // above the top tier: pooled too, as runs of 4 MiB
    check(large.capacity() >= 200_MiB);
}

void pool_dies_first() {
    polder::buffer survivor;
    {
        polder::buffer_pool pool({.name = "short-lived"});
        survivor = pool.acquire(4_KiB);
        std::memset(survivor.data(), 7, survivor.size());
    }
    check(survivor.data()[4095] == std::byte{7});  // the memory goes with the last buffer
}

}  // namespace

int main() {
    sizes();
    moving();
    alignment();
    pool_dies_first();
}
