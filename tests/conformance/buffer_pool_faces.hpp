// SPDX-License-Identifier: Apache-2.0
//
// How buffer_pool presents itself to the pool suite: its handles, its handles without per-CPU caches, its raw pointers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "conformance/pool_suite.hpp"
#include "polder/polder.hpp"

namespace polder::test {

inline buffer_pool_options options_for(const pool_settings& settings, bool per_cpu) {
    buffer_pool_options options;
    options.name = settings.name;
    options.committed_bytes_max = settings.committed_bytes_max;
    options.idle_bytes_max = settings.idle_bytes_max;
    options.per_cpu_caches = per_cpu;
    return options;
}

/// Both sides of every tier's edge, and what lies above the tiers.
inline std::vector<std::size_t> sizes_of_a_buffer_pool() {
    // What the suite names is there at any scale.
    std::vector<std::size_t> sizes{1,         2,      63,        100,     500,    1000,       2000,      2048,  3000,
                                   8_KiB,     50_KiB, 64_KiB,    256_KiB, 1_MiB,  4_MiB,      4_MiB + 1, 5_MiB, 6_MiB,
                                   8_MiB - 1, 8_MiB,  8_MiB + 1, 64_MiB,  65_MiB, 64_MiB + 1, 100_MiB};
    const auto tiers = default_tiers();
    const std::size_t step = scaled<std::size_t>(9, 1, 1);
    for (std::size_t i = 0; i < tiers.size(); i += step)
        for (const std::size_t size : {tiers[i] - 1, tiers[i], tiers[i] + 1}) sizes.push_back(size);
    std::sort(sizes.begin(), sizes.end());
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    return sizes;
}

template <bool PerCpu>
struct handle_face {
    using pool = buffer_pool;
    using handle = buffer;
    static constexpr bool handles_outlive_pool = true;

    static std::unique_ptr<pool> make(const pool_settings& settings) {
        return std::make_unique<pool>(options_for(settings, PerCpu));
    }
    static handle acquire(pool& from, std::size_t size) { return from.acquire(size); }
    static handle try_acquire(pool& from, std::size_t size, std::error_code& error) { return from.try_acquire(size, error); }
    static std::span<std::byte> bytes(handle& h) { return h.span(); }
    static void release(handle& h) { h.reset(); }
    static pool_stats counts(pool& of) { return of.stats(); }
    static std::size_t trim(pool& what, std::size_t keep) { return what.trim(keep); }
    static void drain(pool& what) { what.drain(); }
    static std::vector<std::size_t> sizes() { return sizes_of_a_buffer_pool(); }
};

/// A raw pointer that finds home: what a C callback would do by hand.
class raw_handle {
public:
    raw_handle() = default;
    raw_handle(buffer_pool& pool, void* data, std::size_t size) : pool_(&pool), data_(data), size_(data != nullptr ? size : 0) {}
    raw_handle(raw_handle&& other) noexcept
        : pool_(other.pool_), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    raw_handle& operator=(raw_handle&& other) noexcept {
        raw_handle taken(std::move(other));
        std::swap(pool_, taken.pool_);
        std::swap(data_, taken.data_);
        std::swap(size_, taken.size_);
        return *this;
    }
    ~raw_handle() { release(); }
    void release() noexcept {
        if (pool_ == nullptr || data_ == nullptr) return;
        // One way and the other.
        if (size_ % 2 == 0)
            pool_->deallocate(data_);
        else
            pool_->deallocate(data_, size_);
        data_ = nullptr;
        size_ = 0;
    }
    std::span<std::byte> bytes() noexcept { return {static_cast<std::byte*>(data_), size_}; }

private:
    buffer_pool* pool_ = nullptr;
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

struct raw_face : handle_face<true> {
    using handle = raw_handle;
    static constexpr bool handles_outlive_pool = false;

    static handle acquire(pool& from, std::size_t size) { return {from, from.allocate(size), size}; }
    static handle try_acquire(pool& from, std::size_t size, std::error_code& error) {
        void* const data = from.try_allocate(size, error);
        EXPECT_EQ(data == nullptr, static_cast<bool>(error));
        return {from, data, size};
    }
    static std::span<std::byte> bytes(handle& h) { return h.bytes(); }
    static void release(handle& h) { h.release(); }
};

}  // namespace polder::test
