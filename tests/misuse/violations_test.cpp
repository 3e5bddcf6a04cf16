// SPDX-License-Identifier: Apache-2.0
//
// Plan: each kind of misuse, by raw pointer, by detached value, by a stray copy of a handle; in the thread that released first or in
// another; caught with the right kind and numbers, while the pool stays as it was and works on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "polder/polder.hpp"
#include "support/marks.hpp"
#include "support/stats_checks.hpp"
#include "support/violations.hpp"
#include "violation_suite.hpp"

namespace polder {
namespace {

using test::attach_after_reuse;
using test::stray_copy;

constexpr std::size_t sorts[] = {1, 64, 2048, 40'000, 1_MiB, 5_MiB, 70_MiB};

class Misuse : public ::testing::Test {
protected:
    /// Exactly one violation of this kind since the last look, about this address, and the pool did not change.
    test::seen_violation expect_one(violation_kind kind, const void* address, const pool_stats& before) {
        EXPECT_EQ(recorder.count(), 1U);
        EXPECT_EQ(recorder.count(kind), 1U);
        const test::seen_violation seen = recorder.last();
        EXPECT_EQ(seen.what.kind, kind) << seen.text;
        EXPECT_EQ(seen.pool, "guarded");
        EXPECT_EQ(seen.what.address, address);
        EXPECT_NE(seen.text.find(to_string(kind)), std::string::npos) << seen.text;
        test::expect_unchanged(before, pool.stats());
        test::expect_sums(pool.stats());
        recorder.clear();
        return seen;
    }

    test::violation_recorder recorder;
    buffer_pool pool{{.name = "guarded"}};
};

TEST_F(Misuse, RightUseReportsNothing) {
    for (const std::size_t size : sorts) {
        pool.deallocate(pool.allocate(size));
        pool.deallocate(pool.allocate(size), size);
        pool.deallocate(pool.allocate(size, 4_MiB), size);
        pool.attach(pool.acquire(size).detach()).reset();
        buffer b = pool.acquire(size);
        buffer part = b.split_off(0);
    }
    pool.deallocate(nullptr);
    pool.deallocate(nullptr, 17);
    EXPECT_EQ(recorder.count(), 0U);
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Misuse, DoubleReleaseOfARawPointer) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        void* const p = pool.allocate(size);
        pool.deallocate(p);
        const pool_stats before = pool.stats();
        pool.deallocate(p);
        const auto seen = expect_one(violation_kind::double_release, p, before);
        EXPECT_EQ(seen.what.handle_generation, 0U) << "a raw pointer has none";
        pool.deallocate(p, size);
        expect_one(violation_kind::double_release, p, before);
        pool.drain();
        pool.deallocate(p);
        EXPECT_EQ(recorder.count(violation_kind::double_release), 1U) << "in the slabs as in the caches";
        recorder.clear();
        pool.trim();
        pool.deallocate(p);
        EXPECT_EQ(recorder.count(violation_kind::double_release), 1U) << "given back to the system, too";
        recorder.clear();
    }
}

TEST_F(Misuse, DoubleReleaseOnAnotherThread) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        void* const p = pool.allocate(size);
        std::thread([&] { pool.deallocate(p); }).join();
        const pool_stats before = pool.stats();
        std::thread([&] { pool.deallocate(p); }).join();
        expect_one(violation_kind::double_release, p, before);
    }
}

TEST_F(Misuse, OfTwoThreadsThatReleaseAtOnceOneIsWrong) {
    for (int i = 0; i != 500; ++i) {
        void* const p = pool.allocate(2048);
        std::thread a([&] { pool.deallocate(p); });
        std::thread b([&] { pool.deallocate(p); });
        a.join();
        b.join();
        ASSERT_EQ(recorder.count(), static_cast<std::size_t>(i + 1));
        ASSERT_EQ(recorder.last().what.kind, violation_kind::double_release);
    }
    EXPECT_EQ(pool.stats().releases, 500U);
}

TEST_F(Misuse, AHandlesBytesAreNotARawPointersToGiveBack) {
    buffer b = pool.acquire(2048);
    const pool_stats before = pool.stats();
    pool.deallocate(b.data());
    EXPECT_EQ(recorder.count(), 1U);
    recorder.clear();
    test::expect_unchanged(before, pool.stats());
    b.reset();
    EXPECT_EQ(recorder.count(), 0U);
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Misuse, AStrayCopyOfAHandle) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        buffer b = pool.acquire(size);
        const std::byte* const where = b.data();
        const std::uint64_t generation = b.generation();
        stray_copy copy(b);
        b.reset();
        const pool_stats before = pool.stats();
        copy.release();
        const auto seen = expect_one(violation_kind::double_release, where, before);
        EXPECT_EQ(seen.what.handle_generation, generation);
        EXPECT_EQ(seen.what.slot_generation, generation);
        EXPECT_EQ(seen.what.slot_bytes, pool.slot_bytes_for(size));
    }
}

TEST_F(Misuse, AStrayCopyWhenTheSlotHasANewOwner) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        buffer b = pool.acquire(size);
        const std::uint32_t slot = b.slot();
        const std::uint64_t generation = b.generation();
        stray_copy copy(b);
        b.reset();
        std::vector<buffer> owners;
        do owners.push_back(pool.acquire(size));
        while (owners.back().slot() != slot && owners.size() < 100'000);
        test::mark(owners.back().span(), 1);
        const pool_stats before = pool.stats();
        copy.release();
        const auto seen = expect_one(violation_kind::stale_handle, recorder.last().what.address, before);
        EXPECT_EQ(seen.what.handle_generation, generation);
        EXPECT_EQ(seen.what.slot_generation, owners.back().generation());
        EXPECT_TRUE(test::is_marked(owners.back().span(), 1)) << "the owner has lost nothing";
        owners.clear();
        EXPECT_EQ(recorder.count(), 0U) << "the owner's release was right";
        EXPECT_EQ(pool.stats().buffers_in_use, 0U);
    }
}

TEST_F(Misuse, StaleValuesAreRefusedHoweverOftenTheSlotWasReused) {
    for (const int reuses : {1, 2, 3, 100}) {
        attach_after_reuse(pool, reuses);
        ASSERT_EQ(recorder.count(), 1U) << reuses;
        const auto seen = recorder.last();
        EXPECT_EQ(seen.what.kind, violation_kind::stale_handle) << seen.text;
        EXPECT_EQ(seen.what.slot_generation - seen.what.handle_generation, static_cast<std::uint64_t>(reuses));
        recorder.clear();
    }
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Misuse, AttachingWhatWentHome) {
    attach_after_reuse(pool, 0);
    ASSERT_EQ(recorder.count(), 1U);
    EXPECT_EQ(recorder.last().what.kind, violation_kind::double_release);
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Misuse, AttachingTwice) {
    for (const std::size_t size : sorts) {
        const detached_buffer value = pool.acquire(size).detach();
        buffer first = pool.attach(value);
        const pool_stats before = pool.stats();
        const buffer second = pool.attach(value);
        EXPECT_FALSE(second);
        EXPECT_TRUE(first);
        EXPECT_EQ(recorder.count(), 1U) << "an attach of what is attached";
        recorder.clear();
        test::expect_unchanged(before, pool.stats());
        first.reset();
        EXPECT_EQ(recorder.count(), 0U);
    }
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Misuse, OfManyThreadsThatAttachOneValueOneGetsIt) {
    for (int i = 0; i != 200; ++i) {
        const detached_buffer value = pool.acquire(2048).detach();
        std::vector<buffer> got(4);
        std::vector<std::thread> threads;
        for (auto& mine : got) threads.emplace_back([&] { mine = pool.attach(value); });
        for (auto& thread : threads) thread.join();
        ASSERT_EQ(std::count_if(got.begin(), got.end(), [](const buffer& b) { return static_cast<bool>(b); }), 1);
        ASSERT_EQ(recorder.count(), 3U);
        recorder.clear();
    }
    EXPECT_EQ(pool.stats().buffers_in_use, 0U);
}

TEST_F(Misuse, AttachingForgedValues) {
    buffer b = pool.acquire(2048);
    const detached_buffer value = b.detach();
    const pool_stats before = pool.stats();
    for (const detached_buffer& forged :
         {detached_buffer{}, detached_buffer{value.data, value.size, value.ticket, value.slot + 1},
          detached_buffer{value.data, value.size, value.ticket + 1, value.slot},
          detached_buffer{value.data, value.size, 0, value.slot}, detached_buffer{nullptr, value.size, value.ticket, value.slot},
          detached_buffer{value.data + 4_MiB, value.size, value.ticket, value.slot},
          detached_buffer{reinterpret_cast<std::byte*>(&pool), 1, value.ticket, value.slot}}) {
        EXPECT_FALSE(pool.attach(forged));
        EXPECT_EQ(recorder.count(), 1U);
        recorder.clear();
    }
    test::expect_unchanged(before, pool.stats());
    EXPECT_TRUE(pool.attach(value));
    EXPECT_EQ(recorder.count(), 0U);
}

TEST_F(Misuse, ASizeForgedBeyondTheSlotIsNotBelieved) {
    const detached_buffer value = pool.acquire(2048).detach();
    detached_buffer longer = value;
    longer.size = 1_GiB;
    buffer b = pool.attach(longer);
    EXPECT_LE(b.size(), b.capacity()) << "a handle never claims bytes beyond its slot";
    if (!b) b = pool.attach(value);
}

TEST_F(Misuse, ForeignPointers) {
    const pool_stats before = pool.stats();
    int on_stack = 0;
    static int in_data = 0;
    const std::unique_ptr<int> on_heap = std::make_unique<int>();
    void* const code = reinterpret_cast<void*>(&std::abort);
    for (void* const p : {static_cast<void*>(&on_stack), static_cast<void*>(&in_data), static_cast<void*>(on_heap.get()), code,
                          reinterpret_cast<void*>(std::uintptr_t{1}), reinterpret_cast<void*>(~std::uintptr_t{0}),
                          reinterpret_cast<void*>(std::uintptr_t{1} << 63), static_cast<void*>(&pool)}) {
        EXPECT_FALSE(pool.owns(p));
        pool.deallocate(p);
        expect_one(violation_kind::foreign_pointer, p, before);
        pool.deallocate(p, 4);
        expect_one(violation_kind::foreign_pointer, p, before);
    }
}

TEST_F(Misuse, InteriorPointers) {
    for (const std::size_t size : sorts) {
        SCOPED_TRACE(size);
        auto* const p = static_cast<std::byte*>(pool.allocate(size));
        const std::size_t slot_bytes = pool.slot_bytes_for(size);
        const pool_stats before = pool.stats();
        for (const std::size_t offset : {std::size_t{1}, std::size_t{8}, size / 2 + 1, slot_bytes / 2 + 1, slot_bytes - 1}) {
            pool.deallocate(p + offset);
            const auto seen = expect_one(violation_kind::interior_pointer, p + offset, before);
            EXPECT_EQ(seen.what.slot_bytes, slot_bytes);
        }
        pool.deallocate(p, size);
        EXPECT_EQ(recorder.count(), 0U);
    }
}

TEST_F(Misuse, TheWrongPool) {
    buffer_pool other({.name = "neighbour"});
    for (const std::size_t size : sorts) {
        void* const p = other.allocate(size);
        const pool_stats before = pool.stats();
        const pool_stats theirs = other.stats();
        pool.deallocate(p);
        auto seen = expect_one(violation_kind::wrong_pool, p, before);
        EXPECT_EQ(seen.other_pool, "neighbour");
        EXPECT_NE(seen.text.find("neighbour"), std::string::npos);
        pool.deallocate(static_cast<std::byte*>(p) + 1);
        expect_one(violation_kind::wrong_pool, static_cast<std::byte*>(p) + 1, before);
        EXPECT_FALSE(pool.attach({static_cast<std::byte*>(p), size, 0, 0}));
        expect_one(violation_kind::wrong_pool, p, before);
        test::expect_unchanged(theirs, other.stats());
        other.deallocate(p);
        EXPECT_EQ(recorder.count(), 0U);
    }
}

TEST_F(Misuse, TheWrongSize) {
    for (const std::size_t size : sorts) {
        void* const p = pool.allocate(size);
        const pool_stats before = pool.stats();
        for (const std::size_t wrong : {size + 1, size - 1, size * 2, std::size_t{0}, ~std::size_t{0}}) {
            if (wrong == size) continue;
            pool.deallocate(p, wrong);
            const auto seen = expect_one(violation_kind::wrong_size, p, before);
            EXPECT_EQ(seen.what.expected_bytes, size);
            EXPECT_EQ(seen.what.given_bytes, wrong);
        }
        pool.deallocate(p, size);
        EXPECT_EQ(recorder.count(), 0U);
    }
}

TEST_F(Misuse, ReleasedAgainAfterTheSlotWasAcquiredByAHandle) {
    void* const p = pool.allocate(2048);
    pool.deallocate(p);
    std::vector<buffer> owners;
    do owners.push_back(pool.acquire(2048));
    while (owners.back().data() != p);
    const pool_stats before = pool.stats();
    pool.deallocate(p);
    EXPECT_EQ(recorder.count(), 1U) << "a handle's bytes are not a raw pointer's to give back";
    test::expect_unchanged(before, pool.stats());
}

TEST_F(Misuse, AStrayCopyOfASliceWhenTheSlotHasANewOwnerWithSlices) {
    for (const std::size_t size : sorts) {
        if (size < 100) continue;
        SCOPED_TRACE(size);
        buffer b = pool.acquire(size);
        const std::uint32_t slot = b.slot();
        buffer part = b.slice(0, 10);
        stray_copy copy(part);
        part.reset();
        b.reset();
        std::vector<buffer> owners;
        do owners.push_back(pool.acquire(size));
        while (owners.back().slot() != slot && owners.size() < 100'000);
        buffer its_part = owners.back().slice(0, 100);
        test::mark(its_part.span(), 1);
        const pool_stats before = pool.stats();
        copy.release();
        EXPECT_EQ(recorder.count(violation_kind::stale_handle), 1U) << "it must not count as one of the owner's handles";
        recorder.clear();
        test::expect_unchanged(before, pool.stats());
        EXPECT_FALSE(its_part.is_unique());
        owners.clear();
        const buffer next = pool.acquire(size);
        EXPECT_NE(next.slot(), slot) << "the slice still owns the slot";
        EXPECT_TRUE(test::is_marked(its_part.span(), 1));
        its_part.reset();
        EXPECT_EQ(recorder.count(), 0U) << recorder.last().text;
        recorder.clear();
    }
}

TEST_F(Misuse, AStrayCopyWhenThePoolIsGone) {
    auto gone = std::make_unique<buffer_pool>(buffer_pool_options{.name = "gone"});
    const buffer keeps_it_alive = gone->acquire(2048);
    buffer b = gone->acquire(2048);
    const std::byte* const where = b.data();
    stray_copy copy(b);
    gone.reset();
    b.reset();
    EXPECT_EQ(recorder.count(), 0U);
    copy.release();
    ASSERT_EQ(recorder.count(violation_kind::double_release), 1U);
    EXPECT_EQ(recorder.last().pool, "gone");
    EXPECT_EQ(recorder.last().what.address, where);
}

TEST_F(Misuse, AttachingInTheWrongPool) {
    buffer_pool other({.name = "neighbour"});
    for (const std::size_t size : sorts) {
        const detached_buffer value = other.acquire(size).detach();
        const pool_stats before = pool.stats();
        EXPECT_FALSE(pool.attach(value));
        const auto seen = expect_one(violation_kind::wrong_pool, value.data, before);
        EXPECT_EQ(seen.other_pool, "neighbour");
        EXPECT_TRUE(other.attach(value)) << "the value is as good as before";
        EXPECT_EQ(recorder.count(), 0U);
    }
    EXPECT_EQ(other.stats().buffers_in_use, 0U);
}

TEST_F(Misuse, PointersIntoSlabsThatServeNobody) {
    auto* const p = static_cast<std::byte*>(pool.allocate(2048));
    pool.deallocate(p);
    pool.trim();  // the slab belongs to no tier now
    for (std::byte* const q : {p, p + 1, p + 5_MiB}) {
        pool.deallocate(q);
        EXPECT_EQ(recorder.count(), 1U);
        recorder.clear();
    }
    EXPECT_EQ(pool.stats().releases, 1U);
}

}  // namespace
}  // namespace polder
