// SPDX-License-Identifier: Apache-2.0
//
// Giving idle memory back to the system: whole slabs first, then the pages that lie wholly under FREE slots.
#include <algorithm>

#include "polder/base/bits.hpp"
#include "polder/core/arena.hpp"

namespace polder::core {

void arena::gave_back(std::size_t bytes) noexcept {
    header_->committed_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    header_->idle_bytes.fetch_sub(bytes, std::memory_order_relaxed);
    header_->trimmed_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

/// A slab that belongs to no class: its resident front goes. Returns bytes given back.
std::size_t arena::trim_free_slab(std::size_t index) noexcept {
    if (slab(index).warm_bytes.load(std::memory_order_relaxed) == 0 || !claim_slab(index)) return 0;
    // Claimed, it is ours; the value is read again because the one above may belong to its life before.
    std::size_t bytes = slab(index).warm_bytes.load(std::memory_order_relaxed);
    const std::size_t length = std::min(round_up(bytes, 4096), slab_bytes);
    if (bytes != 0 && region_->decommit(layout_.data + (index << slab_shift), length) == 0) {
        slab(index).warm_bytes.store(0, std::memory_order_relaxed);
        gave_back(bytes);
    } else {
        bytes = 0;
    }
    slab(index).word.store(slab_word{}.bits(), std::memory_order_seq_cst);
    return bytes;
}

/// A slab in use: rows of FREE slots are taken out of circulation for as long as it takes to give their pages back. Slots at the ends of a
/// row that share a page with a neighbour keep their memory. Returns bytes given back, at least `wanted` if there were so many.
std::size_t arena::trim_slots(std::size_t index, std::size_t wanted) noexcept {
    const slab_word w = word_of_slab(index);
    if (w.state != slab_state::assigned) return 0;
    const std::size_t slot_bytes = slot_bytes_in(w);
    const std::size_t slots = std::min(slab(index).used.load(std::memory_order_relaxed), slots_in(w));
    const std::size_t origin = layout_.data + (index << slab_shift);
    std::size_t given = 0;
    for (std::size_t i = 0; i < slots && given < wanted;) {
        // A row of slots that say FREE, warm: taken one by one, by the same handshake as a claim.
        std::size_t end = i;
        for (; end != slots; ++end) {
            auto& word = record(make_slot(index, end)).word;
            word_bits seen = word.load(std::memory_order_relaxed);
            if (tag_of(seen) != tag_free_warm) break;
            if (!word.compare_exchange_strong(seen, retag(seen, tag_trimming), std::memory_order_seq_cst)) break;
            if (word_of_slab(index).bits() != w.bits()) {
                word.store(seen, std::memory_order_release);
                break;
            }
        }
        // Whole pages under the row, and the slots that lie wholly inside them.
        const std::size_t first_page = round_up(i * slot_bytes, 4096);
        const std::size_t last_page = round_down(end * slot_bytes, 4096);
        std::size_t cold_begin = end;
        std::size_t cold_end = end;
        if (last_page > first_page) {
            cold_begin = divide_up(first_page, slot_bytes);
            cold_end = last_page / slot_bytes;
        }
        if (cold_end > cold_begin && region_->decommit(origin + first_page, last_page - first_page) == 0) {
            given += (cold_end - cold_begin) * slot_bytes;
        } else {
            cold_begin = cold_end = end;
        }
        for (std::size_t k = i; k != end; ++k) {
            const slot_number slot = make_slot(index, k);
            auto& word = record(slot).word;
            const bool is_cold = k >= cold_begin && k < cold_end;
            word.store(retag(word.load(std::memory_order_relaxed), is_cold ? tag_free_cold : tag_free_warm),
                       std::memory_order_release);
            note_free(slot);  // whoever held a hint to it meanwhile has thrown it away
        }
        i = end + 1;
    }
    if (given != 0) {
        counters(w.cls).warm_free.fetch_sub(static_cast<std::int64_t>(given / slot_bytes), std::memory_order_relaxed);
        gave_back(given);
    }
    return given;
}

/// The caller is in maintenance. What was released longest ago goes first: in each pass, what is older than half of what is left;
/// slabs that nobody uses before the free slots of others. So memory that comes and goes stays.
std::size_t arena::trim_locked(std::size_t keep_bytes) noexcept {
    const std::uint64_t before = header_->trimmed_bytes.load(std::memory_order_relaxed);
    const auto too_much = [&]() -> std::size_t {
        const std::uint64_t idle = idle_bytes();
        return idle > keep_bytes ? idle - keep_bytes : 0;
    };
    const std::size_t born = slabs_born();
    const std::uint32_t now = header_->clock.load(std::memory_order_relaxed);
    std::uint32_t oldest = 0;
    // What was released since `now` was read is of age 0.
    const auto age_of = [&](std::size_t s) -> std::uint32_t {
        const auto age = static_cast<std::int32_t>(now - slab(s).released_at.load(std::memory_order_relaxed));
        return static_cast<std::uint32_t>(std::max(age, 0));
    };
    for (std::size_t s = 0; s != born; ++s) oldest = std::max(oldest, age_of(s));
    for (std::uint32_t age = oldest / 2; too_much() != 0; age /= 2) {
        for (std::size_t s = born; s-- != 0 && too_much() != 0;) {
            if (age_of(s) < age) continue;
            const slab_word w = word_of_slab(s);
            if (w.state == slab_state::assigned && slab(s).busy.load(std::memory_order_relaxed) == 0) {
                if (!retire(s)) continue;
                for (std::size_t i = w.length; i-- != 0;) trim_free_slab(s + i);
            } else if (w.state == slab_state::free) {
                trim_free_slab(s);
            }
        }
        for (std::size_t s = born; s-- != 0 && too_much() != 0;) {
            if (age_of(s) >= age) trim_slots(s, too_much());
        }
        if (age == 0) break;
    }
    return header_->trimmed_bytes.load(std::memory_order_relaxed) - before;
}

std::size_t arena::trim(std::size_t keep_bytes) noexcept {
    enter_maintenance();
    const std::size_t given = trim_locked(keep_bytes);
    leave_maintenance();
    return given;
}

}  // namespace polder::core
