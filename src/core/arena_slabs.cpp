// SPDX-License-Identifier: Apache-2.0
//
// Slabs: found, claimed, carved, retired. Every step is a compare-exchange of the slab's word; a thread that dies between two steps
// leaves a word that names it (see after_fork).
#include <algorithm>
#include <bit>

#include "polder/base/bits.hpp"
#include "polder/base/contract.hpp"
#include "polder/core/arena.hpp"
#include "polder/os/cpu.hpp"

namespace polder::core {
namespace {

// Address space is committed in steps that double from 16 to 64 MiB: one system call, no memory.
constexpr std::size_t birth_slabs(std::size_t born) noexcept { return std::clamp<std::size_t>(born, 4, 16); }

std::uint64_t transition(slab_state state, const slab_word& of) noexcept {
    // The session of an anonymous arena is the process: its fork depth. A child knows its parent's unfinished work by it.
    return slab_word{state, of.cls, static_cast<std::uint16_t>(os::fork_depth()), of.length}.bits();
}

}  // namespace

bool arena::reserve_committed(std::size_t bytes) noexcept {
    auto& committed = header_->committed_bytes;
    // Never above the cap, not for a moment: a large request that is refused must not make a small one fail.
    std::uint64_t before = committed.load(std::memory_order_relaxed);
    do {
        if (bytes > options_.committed_bytes_max || before > options_.committed_bytes_max - bytes) return false;
    } while (!committed.compare_exchange_weak(before, before + bytes, std::memory_order_relaxed));
    const std::uint64_t now = before + bytes;
    auto& peak = header_->committed_bytes_peak;
    std::uint64_t highest = peak.load(std::memory_order_relaxed);
    while (highest < now && !peak.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {
    }
    return true;
}

void arena::unreserve_committed(std::size_t bytes) noexcept {
    header_->committed_bytes.fetch_sub(bytes, std::memory_order_relaxed);
}

bool arena::claim_slab(std::size_t index) noexcept {
    std::uint64_t free = slab_word{}.bits();
    return slab(index).word.compare_exchange_strong(free, transition(slab_state::claiming, {}), std::memory_order_seq_cst);
}

/// A slab for class `c` whose memory is resident: a free one, or one of another class in which nothing is held or cached. Among several
/// the one whose resident front fits best: just enough, or else the most.
bool arena::find_warm_slab(class_number c, std::size_t& index) noexcept {
    const size_class& wanted = classes_[c];
    const std::uint64_t enough = wanted.slot_bytes;
    const std::uint32_t born = slabs_born();
    for (int round = 0; round != 4; ++round) {
        std::uint64_t best_bytes = 0;
        std::size_t best = born;
        for (std::size_t s = 0; s != born; ++s) {
            const slab_word w = word_of_slab(s);
            std::uint64_t resident = slab(s).warm_bytes.load(std::memory_order_relaxed);
            if (w.state == slab_state::assigned) {
                if (w.length != 1 || w.cls == c || slab(s).busy.load(std::memory_order_relaxed) != 0) continue;
                resident += std::min<std::uint64_t>(slab(s).used.load(std::memory_order_relaxed), slots_in(w)) * slot_bytes_in(w);
            } else if (w.state != slab_state::free) {
                continue;
            }
            if (resident < enough / 2 || resident == 0) continue;
            const bool better = best_bytes < enough ? resident > best_bytes : resident >= enough && resident < best_bytes;
            if (best == born || better) {
                best = s;
                best_bytes = resident;
            }
        }
        if (best == born) return false;
        if (word_of_slab(best).state == slab_state::assigned && !retire(best)) continue;
        if (claim_slab(best)) {
            index = best;
            return true;
        }
    }
    return false;
}

/// `length` free slabs in a row, claimed: the lowest ones, or new ones at the end, or after retiring everything that is idle.
outcome arena::find_run(std::uint32_t length, std::size_t& head) noexcept {
    for (int pass = 0; pass != 3; ++pass) {
        const std::uint32_t born = slabs_born();
        std::uint32_t row = 0;
        for (std::size_t s = 0; s != born; ++s) {
            slab_word w = word_of_slab(s);
            if (pass == 1 && w.state == slab_state::assigned && slab(s).busy.load(std::memory_order_relaxed) == 0 && retire(s))
                w = word_of_slab(s);
            row = w.state == slab_state::free ? row + 1 : 0;
            if (row != length) continue;
            head = s + 1 - length;
            std::size_t claimed_until = head;
            while (claimed_until <= s && claim_slab(claimed_until)) ++claimed_until;
            if (claimed_until > s) return outcome::done;
            while (claimed_until != head) slab(--claimed_until).word.store(slab_word{}.bits(), std::memory_order_seq_cst);
            row = 0;
        }
        if (pass == 0 && born < layout_.slabs) {
            // The free slabs at the end belong to the new run.
            const std::size_t needed = born - row + length;
            if (needed <= layout_.slabs) {
                const std::size_t until = std::min(std::max<std::size_t>(needed, born + birth_slabs(born)), layout_.slabs);
                if (region_->commit(layout_.data + std::size_t{born} * slab_bytes, (until - born) * slab_bytes) != 0)
                    return outcome::out_of_memory;
                std::uint32_t expected = born;
                header_->slabs_born.compare_exchange_strong(expected, static_cast<std::uint32_t>(until), std::memory_order_acq_rel);
                --pass;  // look again: ours, or what another thread added
            }
        }
    }
    return outcome::exhausted;
}

/// One more slab, or run of `length` slabs, for class `c`.
outcome arena::grow(class_number c, std::uint32_t length, bool warm_only) noexcept {
    std::size_t head = 0;
    if (length == 1 && find_warm_slab(c, head)) {
        header_->recarves.fetch_add(1, std::memory_order_relaxed);
        carve(head, 1, c);
        return outcome::done;
    }
    if (warm_only) return outcome::exhausted;
    if (const outcome found = find_run(length, head); found != outcome::done) return found;
    header_->growths.fetch_add(1, std::memory_order_relaxed);
    carve(head, length, c);
    return outcome::done;
}

/// How many slots of the new carving have their memory already. The books of committed and idle bytes follow: a slot that is resident in
/// part is completed by a promise, or its memory is given back.
std::size_t arena::carve_warm_slots(std::size_t head, std::uint32_t length, std::size_t slot_bytes, std::uint32_t slots) noexcept {
    std::uint64_t resident = 0;
    if (length == 1) {
        resident = slab(head).warm_bytes.load(std::memory_order_relaxed);
    } else {
        for (std::size_t s = head; s != head + length; ++s) resident += slab(s).warm_bytes.exchange(0, std::memory_order_relaxed);
    }
    const std::size_t whole = std::min<std::size_t>(resident / slot_bytes, slots);
    std::uint64_t rest = resident - whole * slot_bytes;
    if (whole == slots || rest == 0) {
        // What lies behind the last slot stays resident, and stays in the slab's books, until the slab is carved again or trimmed.
        slab(head).warm_bytes.store(rest, std::memory_order_relaxed);
        return whole;
    }
    slab(head).warm_bytes.store(0, std::memory_order_relaxed);
    if (reserve_committed(slot_bytes - rest)) {
        header_->idle_bytes.fetch_add(slot_bytes - rest, std::memory_order_relaxed);
        return whole + 1;
    }
    const std::size_t from = layout_.data + (head << slab_shift) + whole * slot_bytes;
    const std::size_t first_page = round_up(from, 4096);
    const std::size_t end = layout_.data + ((head + length) << slab_shift);
    region_->decommit(first_page, end - first_page);
    gave_back(rest);
    return whole;
}

/// Cuts claimed slabs into slots of class `c`. Words that say retired become FREE; words that were never used are FREE already.
void arena::carve(std::size_t head, std::uint32_t length, class_number c) noexcept {
    const slab_word made{slab_state::assigned, c, 0, length};
    const std::size_t slot_bytes = slot_bytes_in(made);
    const std::uint32_t slots = slots_in(made);
    slab_record& at = slab(head);
    record(make_slot(head, 0))
        .note.store(0, std::memory_order_relaxed);  // written before it is read: one page fault instead of two
    const auto warm = static_cast<std::uint32_t>(carve_warm_slots(head, length, slot_bytes, slots));

    counters(c).warm_free.fetch_add(warm, std::memory_order_relaxed);

    const std::uint32_t retired = std::min(at.retired.load(std::memory_order_relaxed), slots);
    std::uint64_t generations = 0;
    for (std::uint32_t i = 0; i != std::max(retired, warm); ++i) {
        auto& word = record(make_slot(head, i)).word;
        word_bits seen = word.load(std::memory_order_relaxed);
        generations += generation_of(seen);
        if (i < retired) {
            invariant(is_retired(seen), "the words of a free slab say retired as far as they were used");
            word.store(retag(seen, i < warm ? tag_free_warm : tag_free_cold), std::memory_order_relaxed);
        } else if (!is_free(seen) || !word.compare_exchange_strong(seen, retag(seen, tag_free_warm), std::memory_order_seq_cst)) {
            // A claimer with a hint from another age holds the word for a moment and will put it back as cold: so are the books.
            unreserve_committed(slot_bytes);
            counters(c).warm_free.fetch_sub(1, std::memory_order_relaxed);
            header_->idle_bytes.fetch_sub(slot_bytes, std::memory_order_relaxed);
        }
    }
    at.generations.store(generations, std::memory_order_relaxed);
    at.used.store(std::max(retired, warm), std::memory_order_relaxed);
    at.busy.store(0, std::memory_order_relaxed);

    auto* const bits = bitmap(head, slots);
    for (std::uint32_t group = 0; group * 64 < slots; ++group) {
        const std::uint32_t in_group = std::min<std::uint32_t>(slots - group * 64, 64);
        bits[group].store(in_group == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << in_group) - 1, std::memory_order_relaxed);
    }
    for (std::uint32_t i = 1; i < length; ++i)
        slab(head + i).word.store(slab_word{slab_state::tail, c, 0, i}.bits(), std::memory_order_seq_cst);
    counters(c).cursor.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
    // seq_cst: whoever sees the slab assigned sees its words carved; pairs with the loads in claim.
    at.word.store(made.bits(), std::memory_order_seq_cst);
    counters(c).bitmap_slots.fetch_add(slots, std::memory_order_relaxed);
}

/// Takes an idle slab away from its class. False, and nothing changed, when one of its slots is not FREE.
bool arena::retire(std::size_t index) noexcept {
    slab_record& at = slab(index);
    std::uint64_t seen_slab = at.word.load(std::memory_order_seq_cst);
    const slab_word w = slab_word::from(seen_slab);
    if (w.state != slab_state::assigned) return false;
    if (!at.word.compare_exchange_strong(seen_slab, transition(slab_state::retiring, w), std::memory_order_seq_cst)) return false;

    // After the slab's word, so that a claimer who raised it later sees that word: see claim().
    const std::uint32_t used = std::min(at.used.load(std::memory_order_seq_cst), slots_in(w));
    const std::size_t slot_bytes = slot_bytes_in(w);
    std::uint64_t generations = 0;
    std::uint32_t warm_front = 0;
    std::uint32_t warm = 0;
    std::uint32_t warm_end = 0;
    for (std::uint32_t i = 0; i != used; ++i) {
        auto& word = record(make_slot(index, i)).word;
        word_bits seen = word.load(std::memory_order_relaxed);
        while (is_free(seen) && !word.compare_exchange_weak(seen, to_retired(seen), std::memory_order_seq_cst)) {
        }
        if (!is_free(seen)) {
            while (i-- != 0) {
                auto& back = record(make_slot(index, i)).word;
                back.store(to_free(back.load(std::memory_order_relaxed)), std::memory_order_release);
            }
            at.word.store(w.bits(), std::memory_order_seq_cst);
            return false;
        }
        generations += generation_of(seen);
        if (!is_warm(seen)) continue;
        ++warm;
        warm_end = i + 1;
        if (warm_front == i) ++warm_front;
    }

    std::int64_t bits_set = 0;
    auto* const bits = bitmap(index, slots_in(w));
    for (std::uint32_t group = 0; group * 64 < slots_in(w); ++group)
        bits_set += std::popcount(bits[group].exchange(0, std::memory_order_relaxed));
    class_counters& count = counters(w.cls);
    count.bitmap_slots.fetch_sub(bits_set, std::memory_order_relaxed);
    count.warm_free.fetch_sub(warm, std::memory_order_relaxed);
    count.folded_acquisitions.fetch_add(generations - at.generations.load(std::memory_order_relaxed), std::memory_order_relaxed);

    // The books of a free slab know one resident front. What is resident behind a gap is given back.
    std::uint64_t front = std::uint64_t{warm_front} * slot_bytes;
    if (warm != warm_front || warm_front != slots_in(w)) {
        const std::uint64_t scattered =
            std::uint64_t{warm - warm_front} * slot_bytes + at.warm_bytes.load(std::memory_order_relaxed);
        if (scattered != 0) {
            const std::size_t begin = round_up(layout_.data + (index << slab_shift) + front, 4096);
            const std::size_t end = at.warm_bytes.load(std::memory_order_relaxed) != 0
                                        ? layout_.data + ((index + 1) << slab_shift)
                                        : round_up(layout_.data + (index << slab_shift) + std::size_t{warm_end} * slot_bytes, 4096);
            if (end > begin) region_->decommit(begin, end - begin);
            gave_back(scattered);
        }
    } else {
        front += at.warm_bytes.load(std::memory_order_relaxed);
    }
    at.retired.store(std::max(at.retired.load(std::memory_order_relaxed), used), std::memory_order_relaxed);
    // A run falls apart; each of its slabs is resident or none is.
    for (std::uint32_t i = w.length; i-- != 0;) {
        slab_record& part = slab(index + i);
        part.warm_bytes.store(w.length == 1 ? front : (front != 0 ? slab_bytes : 0), std::memory_order_relaxed);
        part.word.store(slab_word{}.bits(), std::memory_order_seq_cst);
    }
    return true;
}

}  // namespace polder::core
