// SPDX-License-Identifier: Apache-2.0
//
// buffer: the handle on bytes out of a pool. Move-only; it gives the bytes back when it is destroyed or reset, exactly once.
//
//     polder::buffer b = pool.acquire(2000);     // b.size() == 2000, b.capacity() >= 2000
//     std::memcpy(b.data(), source, b.size());
//     polder::buffer tail = b.split_off(1000);   // two owners of two halves; the slot goes home with the last of them
//
// A handle belongs to one thread at a time; different handles, also on the same slot, belong to different threads freely. A buffer
// may be released on any thread, at any time, also when its pool object is gone. The bytes are not zeroed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "polder/base/config.hpp"
#include "polder/core/arena.hpp"

namespace polder {

/// A buffer without an owner, for interfaces that carry plain values (C callbacks, user data of an I/O request). Whoever has it must
/// bring it back: `buffer_pool::attach`. Copying it copies nothing; a second attach of the same value is a violation.
struct detached_buffer {
    std::byte* data = nullptr;
    std::size_t size = 0;
    std::uint64_t ticket = 0;  ///< which acquisition this is: tells a stale value from a live one, with certainty
    std::uint32_t slot = 0;
};

class buffer {
public:
    /// Empty: owns nothing, size() and capacity() are 0.
    buffer() noexcept = default;

    POLDER_INLINE buffer(buffer&& other) noexcept
        : arena_(std::exchange(other.arena_, nullptr)),
          data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)),
          word_(other.word_),
          slot_(other.slot_),
          class_(other.class_) {}

    /// Gives back what it had.
    buffer& operator=(buffer&& other) noexcept {
        buffer taken(std::move(other));
        swap(taken);
        return *this;
    }

    /// Gives the bytes back. Never throws; a handle whose slot was released behind its back is a violation.
    POLDER_INLINE ~buffer() {
        if (arena_ != nullptr) give_back();
    }

    std::byte* data() noexcept { return data_; }
    const std::byte* data() const noexcept { return data_; }
    /// Bytes in use: what was asked for, until resize() or clear().
    std::size_t size() const noexcept { return size_; }
    /// Bytes that size() may grow to in place.
    std::size_t capacity() const noexcept { return capacity_; }
    bool empty() const noexcept { return size_ == 0; }
    /// True when it owns bytes, be size() 0 or not.
    explicit operator bool() const noexcept { return arena_ != nullptr; }

    std::span<std::byte> span() noexcept { return {data_, size_}; }
    std::span<const std::byte> span() const noexcept { return {data_, size_}; }

    /// Changes size(). Up to capacity(): O(1), the bytes stay where they are. Beyond: moves to a larger buffer of the same pool, copying
    /// size() bytes; the old bytes go home. Bytes above the old size are indeterminate; the
    /// new ones are aligned to 64, whatever the old ones were.
    /// Throws invalid_size on an empty handle, and whatever `acquire` throws; then nothing changed.
    void resize(std::size_t bytes);

    /// size() becomes 0; the bytes stay owned.
    void clear() noexcept { size_ = 0; }

    /// Gives the bytes back now; the handle is empty.
    POLDER_INLINE void reset() noexcept {
        if (arena_ == nullptr) return;
        give_back();
        arena_ = nullptr;
        data_ = nullptr;
        size_ = capacity_ = 0;
    }

    /// A second handle on bytes [offset, offset + length) of this one: the same memory, not a copy. Its capacity is `length`. The slot
    /// goes home with the last handle. O(1), one atomic operation. Throws invalid_size when the range exceeds size().
    buffer slice(std::size_t offset, std::size_t length);

    /// Cuts the buffer in two: the result owns everything from `offset` on, capacity included, this one keeps [0, offset).
    /// O(1), one atomic operation, no copy. Throws invalid_size when offset exceeds size().
    buffer split_off(std::size_t offset);

    /// True when no other handle shares its slot.
    bool is_unique() const noexcept;

    /// Gives up ownership and returns what is needed to come back. The handle is empty afterwards.
    /// Throws invalid_size on an empty handle and on one that shares its slot.
    detached_buffer detach();

    void swap(buffer& other) noexcept {
        std::swap(arena_, other.arena_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        std::swap(word_, other.word_);
        std::swap(slot_, other.slot_);
        std::swap(class_, other.class_);
    }

    /// Number of the slot inside its pool, and of the acquisition: for reports and tests.
    std::uint32_t slot() const noexcept { return slot_; }
    std::uint64_t generation() const noexcept { return core::generation_of(word_); }

private:
    friend class buffer_pool;
    friend struct buffer_access;

    /// Buffers of this size and more are coloured: below, slots do not begin at page boundaries anyway.
    static constexpr std::size_t coloured_from = std::size_t{32} << 10;
    /// In place of the class: shares its slot, or has a run of its own length. Goes home on the slow path, where the note tells the class.
    static constexpr core::class_number slow = core::size_class_table::huge;

    POLDER_INLINE buffer(core::arena* arena, const core::acquisition& got, std::size_t size,
                         const std::size_t& colour_mask) noexcept
        : arena_(arena),
          data_(got.data),
          size_(size),
          capacity_(got.slot_bytes),
          word_(got.word),
          slot_(got.slot),
          class_(got.cls) {
        if (arena == nullptr) __builtin_unreachable();
        if (got.slot_bytes >= coloured_from) {
            const std::size_t wanted = ((std::size_t{core::slab_of(slot_)} + slot_) << 6) & colour_mask;
            const std::size_t room = (got.slot_bytes - size) & ~std::size_t{63};
            const std::size_t colour = wanted < room ? wanted : room;
            data_ += colour;
            capacity_ -= colour;
        }
    }

    POLDER_INLINE void give_back() noexcept {
        if (!arena_->put(class_, slot_, word_)) [[unlikely]]
            give_back_slow(arena_, class_, slot_, word_, data_);
    }
    /// By value, so that a handle that never leaves a function can live in registers.
    POLDER_COLD static void give_back_slow(core::arena* arena, core::class_number c, core::slot_number slot, core::word_bits word,
                                           const std::byte* data) noexcept;
    void share();

    core::arena* arena_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    core::word_bits word_ = 0;  ///< what the slot's word says while this handle owns it
    core::slot_number slot_ = 0;
    core::class_number class_ = 0;  ///< `slow` when no CPU's cache may take the slot
};

}  // namespace polder
