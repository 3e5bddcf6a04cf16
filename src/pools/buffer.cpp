// SPDX-License-Identifier: Apache-2.0
#include "polder/pools/buffer.hpp"

#include <cstring>

#include "polder/base/error.hpp"
#include "polder/base/units.hpp"
#include "polder/observe/violation.hpp"
#include "polder/pools/acquire.hpp"

namespace polder {
namespace {

[[noreturn]] void out_of_range(const core::arena* arena, const char* verb, std::size_t asked, std::size_t has) {
    error_details details;
    details.pool = arena != nullptr ? arena->name() : "";
    details.request_bytes = asked;
    details.limit_bytes = has;
    if (arena == nullptr)
        throw invalid_size(std::string("polder: ") + verb + " of an empty buffer. It was never acquired, moved from, or reset.",
                           std::move(details));
    throw invalid_size(std::string("polder: ") + verb + " up to byte " + std::to_string(asked) + " of a buffer of " +
                           format_bytes(has) + " (pool \"" + arena->name() + "\").",
                       std::move(details));
}

}  // namespace

void buffer::give_back_slow(core::arena* arena, core::class_number c, core::slot_number slot, core::word_bits word,
                            const std::byte* data) noexcept {
    // The last of several handles gives the slot back. release: this handle's writes; acquire: those of the others.
    if (c == slow) {
        // While a handle that counts is alive the slot keeps its generation; another one, and the count is not ours to touch.
        const core::word_bits now = arena->word(slot);
        c = arena->class_of(slot);
        if (!core::is_held(now) || core::generation_of(now) != core::generation_of(word))
            return release_slot(*arena, c, slot, word, data);
        auto& shares = arena->shares(slot);
        if (shares.load(std::memory_order_acquire) != 0) {
            if (shares.fetch_sub(1, std::memory_order_acq_rel) != 0) return;
            shares.store(0, std::memory_order_relaxed);  // two were last but one at the same time; nobody else counts any more
        }
    }
    release_slot(*arena, c, slot, word, data);
}

void buffer::share() {
    arena_->shares(slot_).fetch_add(1, std::memory_order_relaxed);
    class_ = slow;
}

bool buffer::is_unique() const noexcept {
    return arena_ != nullptr && (class_ != slow || arena_->shares(slot_).load(std::memory_order_acquire) == 0);
}

void buffer::resize(std::size_t bytes) {
    if (arena_ == nullptr) out_of_range(nullptr, "resize", bytes, 0);
    if (bytes <= capacity_) {
        size_ = bytes;
        if (is_unique()) arena_->set_requested(slot_, bytes);
        return;
    }
    core::acquisition got;
    acquire_slot(*arena_, bytes, 1, bytes, got);
    buffer larger(arena_, got, bytes, 0);
    std::memcpy(larger.data_, data_, size_);
    swap(larger);
}

buffer buffer::slice(std::size_t offset, std::size_t length) {
    if (arena_ == nullptr || offset > size_ || length > size_ - offset)
        out_of_range(arena_, "slice", offset > size_ ? offset : (length > ~offset ? ~std::size_t{0} : offset + length), size_);
    share();
    buffer part;
    part.arena_ = arena_;
    part.data_ = data_ + offset;
    part.size_ = part.capacity_ = length;
    part.word_ = word_;
    part.slot_ = slot_;
    part.class_ = slow;
    return part;
}

buffer buffer::split_off(std::size_t offset) {
    if (arena_ == nullptr || offset > size_) out_of_range(arena_, "split_off", offset, size_);
    buffer tail = slice(offset, size_ - offset);
    tail.capacity_ = capacity_ - offset;
    size_ = capacity_ = offset;
    return tail;
}

detached_buffer buffer::detach() {
    if (arena_ == nullptr) out_of_range(nullptr, "detach", 0, 0);
    if (!is_unique()) {
        error_details details;
        details.pool = arena_->name();
        throw invalid_size(
            std::string("polder: detach of a buffer that shares its slot with a slice (pool \"") + arena_->name() + "\").",
            std::move(details));
    }
    const detached_buffer value{data_, size_, word_, slot_};
    arena_->set_note_flag(slot_, core::note_detached, true);
    arena_ = nullptr;
    data_ = nullptr;
    size_ = capacity_ = 0;
    return value;
}

}  // namespace polder
