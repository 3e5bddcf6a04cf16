// SPDX-License-Identifier: Apache-2.0
//
// From hints to slots. A hint says where to look; a claim is the compare-exchange FREE → transit that makes it true.
#include <algorithm>
#include <bit>

#include "polder/core/arena.hpp"

namespace polder::core {

/// Claims one slot for class `c`, if its word and its slab's word allow it.
///
/// The slab may be retired and carved for another class at any moment, and the number may come from a hint as old as the arena. So the
/// slab's word is read before and after: the retirer changes the slab's word first and then every slot word, we change the slot word and
/// then look at the slab's word again. All four are sequentially consistent, so at least one of us sees the other (Dekker's argument):
/// either the retirer finds our word not FREE and gives up, or we find the slab changed and put the word back.
bool arena::claim(class_number c, slot_number slot, claim_limits& limits, bool& was_warm) noexcept {
    slab_record& home = slab(slab_of(slot));
    const std::uint64_t before = home.word.load(std::memory_order_seq_cst);
    const slab_word w = slab_word::from(before);
    if (w.state != slab_state::assigned || w.cls != c || place_of(slot) >= slots_in(w)) return false;

    auto& word = record(slot).word;
    word_bits seen = word.load(std::memory_order_relaxed);
    if (!is_free(seen)) return false;
    const bool cold = !is_warm(seen);
    was_warm = !cold;
    const std::size_t bytes = slot_bytes_in(w);
    if (cold) {
        if (limits.cold_bytes == 0 || !reserve_committed(bytes)) {
            limits.at_cap |= limits.cold_bytes != 0;
            note_free(slot);
            return false;
        }
    }
    // Raised before the word changes: a retirer that reads a smaller `used` did so before, and its slab word is seen below.
    std::uint32_t used = home.used.load(std::memory_order_relaxed);
    while (used <= place_of(slot) &&
           !home.used.compare_exchange_weak(used, place_of(slot) + 1, std::memory_order_seq_cst, std::memory_order_relaxed)) {
    }
    if (!word.compare_exchange_strong(seen, retag(seen, tag_transit), std::memory_order_seq_cst, std::memory_order_relaxed)) {
        if (cold) unreserve_committed(bytes);
        return false;
    }
    if (home.word.load(std::memory_order_seq_cst) != before) {
        // Nobody touches a word in transit, not even whoever carves the slab again: it is still ours to put back.
        word.store(seen, std::memory_order_release);
        if (cold) unreserve_committed(bytes);
        note_free(slot);
        return false;
    }
    if (cold) limits.cold_bytes -= std::min(limits.cold_bytes, bytes);
    return true;
}

/// Books slots that were claimed: `warm` of them had been idle. Before they are handed on, so that no counter runs below zero.
void arena::claimed(class_number c, std::span<const slot_number> slots, std::size_t warm) noexcept {
    if (slots.empty()) return;
    for (std::size_t i = 0; i != slots.size();) {
        std::size_t run = i + 1;
        while (run != slots.size() && slab_of(slots[run]) == slab_of(slots[i])) ++run;
        slab(slab_of(slots[i])).busy.fetch_add(static_cast<std::uint32_t>(run - i), std::memory_order_relaxed);
        i = run;
    }
    if (warm == 0) return;
    counters(c).warm_free.fetch_sub(static_cast<std::int64_t>(warm), std::memory_order_relaxed);
    header_->idle_bytes.fetch_sub(warm * classes_[c].slot_bytes, std::memory_order_relaxed);
}

std::size_t arena::claim_hints(class_number c, std::span<slot_number> out, claim_limits& limits) noexcept {
    hint_stack& stack = hints_[c];
    std::size_t got = 0;
    std::size_t warm = 0;
    std::array<slot_number, batch_max> asked;
    // Stale hints (their slab was retired, their slot taken) are simply used up; the rounds are bounded all the same.
    for (int round = 0; round != 64 && got == 0; ++round) {
        const std::size_t count = stack.pop(std::span(asked).first(std::min(out.size(), asked.size())));
        if (count == 0) break;
        for (std::size_t i = 0; i != count; ++i) {
            bool was_warm = false;
            if (!claim(c, asked[i], limits, was_warm)) continue;
            warm += was_warm ? 1 : 0;
            out[got++] = asked[i];
        }
    }
    claimed(c, out.first(got), warm);
    return got;
}

std::size_t arena::claim_bits(class_number c, std::span<slot_number> out, claim_limits& limits) noexcept {
    class_counters& count = counters(c);
    if (count.bitmap_slots.load(std::memory_order_relaxed) <= 0) return 0;
    const std::uint32_t born = slabs_born();
    const std::uint32_t first = count.cursor.load(std::memory_order_relaxed);
    std::size_t got = 0;
    std::size_t warm = 0;
    for (std::uint32_t step = 0; step != born && got == 0; ++step) {
        std::uint32_t s = first + step;
        if (s >= born) s -= born;
        if (s >= born) break;  // the cursor of a longer arena
        const slab_word w = word_of_slab(s);
        if (w.state != slab_state::assigned || w.cls != c) continue;
        const std::uint32_t slots = slots_in(w);
        if (slab(s).busy.load(std::memory_order_relaxed) >= slots) continue;
        auto* const bits = bitmap(s, slots);
        for (std::uint32_t group = 0; group * 64 < slots && got != out.size(); ++group) {
            std::uint64_t seen = bits[group].load(std::memory_order_relaxed);
            while (seen != 0 && got != out.size()) {
                const auto bit = static_cast<unsigned>(std::countr_zero(seen));
                seen &= seen - 1;
                const slot_number slot = make_slot(s, group * 64 + bit);
                bool was_warm = is_warm(record(slot).word.load(std::memory_order_relaxed));
                if (!was_warm && limits.cold_bytes == 0) {  // its bit stays
                    if (got != 0) seen = 0;
                    continue;
                }
                const std::uint64_t mask = std::uint64_t{1} << bit;
                if ((bits[group].fetch_and(~mask, std::memory_order_relaxed) & mask) == 0) continue;
                count.bitmap_slots.fetch_sub(1, std::memory_order_relaxed);
                if (!claim(c, slot, limits, was_warm)) {
                    if (limits.at_cap) break;
                    continue;
                }
                warm += was_warm ? 1 : 0;
                out[got++] = slot;
            }
            if (limits.at_cap) break;
        }
        if (got != 0) count.cursor.store(s, std::memory_order_relaxed);
        if (limits.at_cap) break;
    }
    claimed(c, out.first(got), warm);
    return got;
}

/// Slots of class `c` that have memory behind them. Costs one load when there are none.
std::size_t arena::claim_warm(class_number c, std::span<slot_number> out) noexcept {
    if (counters(c).warm_free.load(std::memory_order_relaxed) <= 0) return 0;
    claim_limits warm_only{0};
    const std::size_t got = claim_hints(c, out, warm_only);
    return got != 0 ? got : claim_bits(c, out, warm_only);
}

/// A slot that has memory behind it, of a class above `c` whose slots are at most `slot_bytes_max` and lie at multiples of `alignment`.
bool arena::claim_above(class_number c, std::size_t slot_bytes_max, std::size_t alignment, slot_number& slot,
                        class_number& got) noexcept {
    for (std::size_t above = c + 1U; above < classes_.count(); ++above) {
        got = static_cast<class_number>(above);
        if (classes_[got].slot_bytes > slot_bytes_max) break;
        if (classes_[got].slot_bytes % alignment != 0) continue;
        if (claim_warm(got, {&slot, 1}) != 0) return true;
        // The caches of this CPU hold idle slots too.
        taken_slot taken;
        if (per_cpu_ && take_cached(access_, access_to_[got].stacks, got, tag_transit, 0, taken) == attempt::done) {
            slot = taken.slot;
            return true;
        }
    }
    return false;
}

/// Remembers in the bitmap of its slab that a slot may be FREE. A wrong bit costs one look at a word.
void arena::note_free(slot_number slot) noexcept {
    const slab_word w = word_of_slab(slab_of(slot));
    if (w.state != slab_state::assigned || place_of(slot) >= slots_in(w)) return;
    const std::uint64_t mask = std::uint64_t{1} << (place_of(slot) % 64);
    auto& bits = bitmap(slab_of(slot), slots_in(w))[place_of(slot) / 64];
    if ((bits.fetch_or(mask, std::memory_order_relaxed) & mask) == 0)
        counters(w.cls).bitmap_slots.fetch_add(1, std::memory_order_relaxed);
}

/// The words of the class's slabs are scanned for FREE ones that no bit points to. Before any growth: what every hint has lost is found
/// here. Slabs whose slots are all busy are passed over, so a class that is truly full pays one load per slab.
bool arena::recover_lost_hints(class_number c) noexcept {
    bool found = false;
    std::int64_t bits_set = 0;
    const std::uint32_t born = slabs_born();
    for (std::uint32_t s = 0; s != born; ++s) {
        const slab_word w = word_of_slab(s);
        if (w.state != slab_state::assigned || w.cls != c) continue;
        const std::uint32_t slots = slots_in(w);
        if (slab(s).busy.load(std::memory_order_relaxed) >= slots) continue;
        // Above `used` no bit was ever cleared, but for a claim that failed and put it back.
        const std::uint32_t end = slots <= 64 ? slots : std::min(slots, slab(s).used.load(std::memory_order_relaxed));
        for (std::uint32_t i = 0; i != end; ++i) {
            const slot_number slot = make_slot(s, i);
            if (!is_free(record(slot).word.load(std::memory_order_relaxed))) continue;
            found = true;
            note_free(slot);
        }
        const auto* const bits = bitmap(s, slots);
        for (std::uint32_t group = 0; group * 64 < slots; ++group)
            bits_set += std::popcount(bits[group].load(std::memory_order_relaxed));
    }
    counters(c).bitmap_slots.store(bits_set, std::memory_order_relaxed);  // what drifted is put right
    return found;
}

}  // namespace polder::core
