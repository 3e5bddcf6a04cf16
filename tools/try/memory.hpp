// SPDX-License-Identifier: Apache-2.0
//
// The two kinds of memory that the scenes compare, behind one face: `get` a buffer, `cut` its tail off, destroy it on any thread.
//
// The malloc side is what a careful program does: sole ownership that moves, no zeroing, nothing copied but the tail that is cut
// off, and that one into a block of its own. (Shared ownership would save this copy, for an atomic count in each block.)
#pragma once

#include <polder/pools/buffer.hpp>
#include <polder/pools/buffer_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "try/report.hpp"

namespace tools::try_scenes {

/// Copies that the program itself made of payload.
struct copy_count {
    std::uint64_t copies = 0;
    std::uint64_t bytes = 0;
    void add(std::uint64_t size) noexcept { ++copies, bytes += size; }
};

class malloc_buffer {
public:
    malloc_buffer() noexcept = default;
    explicit malloc_buffer(std::size_t size) : data_(static_cast<std::byte*>(std::malloc(size))), size_(size) {
        if (!data_) throw std::bad_alloc();
    }
    std::byte* data() const noexcept { return data_.get(); }
    std::size_t size() const noexcept { return data_ ? size_ : 0; }
    explicit operator bool() const noexcept { return data_ != nullptr; }
    void reset() noexcept { data_.reset(); }
    void shrink(std::size_t size) noexcept { size_ = size; }

private:
    struct give_back {
        void operator()(std::byte* data) const noexcept { std::free(data); }
    };
    std::unique_ptr<std::byte, give_back> data_;
    std::size_t size_ = 0;
};

class malloc_memory {
public:
    using buffer = malloc_buffer;
    buffer get(std::size_t size) { return buffer(size); }
    /// Returns bytes [offset, size()) of `whole`, which keeps the ones before.
    buffer cut(buffer& whole, std::size_t offset, copy_count& copies) {
        buffer tail(whole.size() - offset);
        std::memcpy(tail.data(), whole.data() + offset, tail.size());
        copies.add(tail.size());
        whole.shrink(offset);
        return tail;
    }
    pool_books books() const { return {}; }
    void forget_idle() noexcept {}
};

class polder_memory {
public:
    using buffer = polder::buffer;
    buffer get(std::size_t size) { return pool_.acquire(size); }
    buffer cut(buffer& whole, std::size_t offset, copy_count& /*copies*/) { return whole.split_off(offset); }
    pool_books books() const {
        const polder::pool_stats stats = pool_.stats();
        return {stats.acquisitions, stats.releases,   stats.buffers_in_use,
                stats.in_use_bytes, stats.idle_bytes, stats.committed_bytes_peak};
    }
    void forget_idle() noexcept { pool_.trim(); }

private:
    polder::buffer_pool pool_{{.name = "try"}};  // every other option as it comes
};

}  // namespace tools::try_scenes
