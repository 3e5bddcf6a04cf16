// SPDX-License-Identifier: Apache-2.0
//
// buffer_pool: byte buffers of any size, tiered by size, at the cost of a few instructions.
//
//     polder::buffer_pool pool({.name = "images", .committed_bytes_max = 512_MiB});
//     polder::buffer b = pool.acquire(64_KiB);
//     ...                                        // b goes home when it is destroyed, on whatever thread
//
// Thread-safe throughout. The pool may be destroyed while buffers are out: they stay valid, and its memory goes with the last of
// them. Sizes up to the top tier (4 MiB by default) share slabs; larger ones are pooled as runs of slabs.
#pragma once

#include <cstddef>
#include <string>
#include <system_error>

#include "polder/base/config.hpp"
#include "polder/base/error.hpp"
#include "polder/core/arena.hpp"
#include "polder/observe/stats.hpp"
#include "polder/pools/buffer.hpp"
#include "polder/pools/options.hpp"

namespace polder {

class buffer_pool {
public:
    /// Reserves address space and commits almost nothing: three system calls, about ten page faults with the first buffer.
    /// Throws invalid_option when the options contradict each other, out_of_memory when the system refuses the addresses.
    explicit buffer_pool(buffer_pool_options options = {});

    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;

    /// Gives all idle memory back; what is out stays valid, and keeps the addresses and its slabs until the last of it is released.
    /// Raw pointers and detached buffers can only come home while the pool is there.
    ~buffer_pool();

    /// A buffer of `size` bytes, uninitialised, aligned to 64.
    /// O(1): from the CPU's cache a few dozen instructions and no atomic operation; from the slabs a few compare-exchanges; from the system
    /// a page fault per page first touched.
    /// Throws invalid_size (0, or more than could ever fit under committed_bytes_max), exhausted (committed_bytes_max reached, after
    /// every cache was drained), out_of_memory (the system refused). The pool is unchanged then.
    POLDER_INLINE buffer acquire(std::size_t size) {
        core::arena* const from = arena_;
        core::acquisition got;
        if (!take(from, size, got)) [[unlikely]]
            got = acquire_slow(size);
        return buffer(from, got, size, colour_mask_);
    }

    /// The same, aligned to `alignment`, a power of two up to 4 MiB. Throws invalid_alignment besides.
    buffer acquire(std::size_t size, std::size_t alignment);

    /// The same without exceptions: an empty handle and the reason in `error`, which is cleared on success.
    POLDER_INLINE buffer try_acquire(std::size_t size, std::error_code& error) noexcept {
        core::arena* const from = arena_;
        core::acquisition got;
        error.clear();
        if (!take(from, size, got)) [[unlikely]] {
            got = try_acquire_slow(size, error);
            if (error) return {};
        }
        return buffer(from, got, size, colour_mask_);
    }

    // --- raw pointers, for interfaces that cannot carry a handle ----------------------------------------------------------

    /// Bytes that must come home through `deallocate`. Errors as in acquire(size, alignment).
    void* allocate(std::size_t size, std::size_t alignment = 64);
    /// The same without exceptions; nullptr and the reason in `error`.
    void* try_allocate(std::size_t size, std::error_code& error, std::size_t alignment = 64) noexcept;
    /// Gives back what `allocate` returned; nullptr is ignored. Anything else is a violation: double_release, foreign_pointer,
    /// interior_pointer, wrong_pool. A raw pointer has no generation: once its slot was allocated raw again, a second deallocate of the
    /// first owner cannot be told from the second owner's; `detach` and `attach` can.
    void deallocate(void* pointer) noexcept;
    /// The same, checking that `size` is what was allocated (violation: wrong_size).
    void deallocate(void* pointer, std::size_t size) noexcept;

    /// The handle for what `buffer::detach` returned. A value whose slot has moved on is a violation (double_release, stale_handle,
    /// foreign_pointer); if its handler returns, the result is empty.
    buffer attach(const detached_buffer& value);

    // --- idle memory ------------------------------------------------------------------------------------------------------

    /// Empties all caches and gives idle memory back to the system until at most `keep_bytes` stay idle, as far as
    /// whole pages are idle. Returns bytes given back.
    std::size_t trim(std::size_t keep_bytes = 0) noexcept;
    /// Moves what the CPUs have cached back to the slabs. Nothing is given back to the system.
    void drain() noexcept;
    /// trim(0).
    void clear() noexcept { trim(0); }

    // --- looking at it ----------------------------------------------------------------------------------------------------

    /// See stats.hpp. Costs nothing to keep, about 2 ns per slot ever used to ask.
    pool_stats stats() const;
    const std::string& name() const noexcept { return options_.name; }
    /// The options in force, defaults filled in.
    const buffer_pool_options& options() const noexcept { return options_; }
    /// Size of the slot that is meant for `size`; 0 when nothing would serve it. Idle memory of a larger tier may serve it instead.
    std::size_t slot_bytes_for(std::size_t size) const noexcept;
    /// True when `pointer` lies in this pool's memory.
    bool owns(const void* pointer) const noexcept { return arena_->owns(pointer); }
    /// "in use", or why per-CPU caches are not.
    const char* cache_status() const noexcept;

private:
    POLDER_INLINE static bool take(core::arena* from, std::size_t size, core::acquisition& got) noexcept {
        // A size of 0 wraps around and is as wrong as one beyond the table.
        if (size - 1 >= from->classes().largest()) [[unlikely]]
            return false;
        return from->take(size, got);
    }

    POLDER_COLD core::acquisition acquire_slow(std::size_t size);
    POLDER_COLD core::acquisition try_acquire_slow(std::size_t size, std::error_code& error) noexcept;
    void deallocate_checked(void* pointer, std::size_t size, bool has_size) noexcept;

    core::arena* arena_ = nullptr;
    std::size_t colour_mask_ = 0;
    buffer_pool_options options_;
};

}  // namespace polder
