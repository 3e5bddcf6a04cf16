// SPDX-License-Identifier: Apache-2.0
//
// What stands behind the two sequences: an acquisition whose cache is empty, a release whose cache is full.
#include <algorithm>

#include "polder/core/arena.hpp"
#include "polder/os/cpu.hpp"

namespace polder::core {
namespace {

constexpr int sequence_attempts = 32;                            // then the thread goes on without the cache
constexpr std::size_t cold_batch_bytes = std::size_t{64} << 10;  // fresh memory taken by one refill, or one slot
/// Slots below this size never make up much of an arena.
constexpr std::size_t reused_slot_bytes = std::size_t{64} << 10;

}  // namespace

outcome arena::acquire(class_number c, std::uint64_t requested, acquisition& out, std::size_t alignment) noexcept {
    if (closed_.load(std::memory_order_relaxed)) return outcome::exhausted;
    if (os::fork_depth() != fork_depth_.load(std::memory_order_relaxed)) after_fork();
    if (per_cpu_) {
        for (int i = 0; i != sequence_attempts; ++i) {
            taken_slot got;
            const attempt result = take_cached(access_, access_to_[c].stacks, c, generation_one + tag_held,
                                               static_cast<std::uint32_t>(requested), got);
            if (result == attempt::done) {
                const std::size_t bytes = classes_[c].slot_bytes;
                record(got.slot).note.store(note_for(c, requested), std::memory_order_relaxed);  // with its flags
                out = {address(got.slot, bytes), bytes, got.word, got.slot, c};
                return outcome::done;
            }
            if (result == attempt::none) break;
        }
    }
    const outcome result = refill(c, requested, alignment, out);
    return result == outcome::done ? result : make_room(c, requested, alignment, out, result);
}

/// Takes a batch from the slabs: the first slot for the caller, the rest for this CPU's cache.
///
/// Which memory? While the arena is small, each class gets slots of its own: memory is spent for speed. From `reuse_from_bytes` on, a
/// large request takes memory that is resident already, whatever it was carved for, before it touches fresh memory.
outcome arena::refill(class_number c, std::uint64_t requested, std::size_t alignment, acquisition& out) noexcept {
    const std::size_t bytes = classes_[c].slot_bytes;
    const std::size_t cache_slots = cache_limits_[c] / sizeof(cache_entry);
    std::array<slot_number, batch_max> batch;
    const auto wanted = std::span(batch).first(std::clamp<std::size_t>((cache_slots + 1) / 2, 1, batch_max));
    claim_limits limits{std::max(bytes, cold_batch_bytes)};
    bool lost_were_sought = false;

    // Other threads may take what we found or carved before we claim it; so it is tried again, but not for ever.
    for (int round = 0; round != 8; ++round) {
        const bool reuse =
            bytes >= reused_slot_bytes && header_->committed_bytes.load(std::memory_order_relaxed) + bytes > reuse_from_bytes;
        std::size_t got = claim_warm(c, wanted);
        if (got == 0 && reuse) {
            class_number above;
            if (claim_above(c, 2 * bytes, alignment, batch[0], above)) {
                hand_out(above, batch[0], requested, out);
                return outcome::done;
            }
            if (grow(c, classes_[c].slabs, true) == outcome::done) got = claim_warm(c, wanted);
        }
        if (got == 0 && reuse && round == 0) displace_idle(bytes);
        if (got == 0) got = claim_bits(c, wanted, limits);
        if (got != 0) {
            hand_out(c, batch[0], requested, out);
            if (got > 1) stock_cache(c, wanted.subspan(1, got - 1));
            counters(c).refills.fetch_add(1, std::memory_order_relaxed);
            return outcome::done;
        }
        if (limits.at_cap) return outcome::exhausted;
        if (!lost_were_sought) {
            lost_were_sought = true;
            if (recover_lost_hints(c)) continue;
        }
        if (const outcome grown = grow(c, classes_[c].slabs, false); grown != outcome::done) return grown;
    }
    return outcome::exhausted;
}

/// Fresh memory is about to be touched although idle memory would not do: in a large arena of which more than an eighth is idle, twice as
/// much of what was released longest ago goes back to the system. So it does not keep the high-water mark of every class at once.
void arena::displace_idle(std::size_t bytes) noexcept {
    const std::uint64_t committed = header_->committed_bytes.load(std::memory_order_relaxed);
    const std::uint64_t idle = idle_bytes();
    if (committed < displace_from_bytes || idle <= committed / 8 || !try_enter_maintenance()) return;
    trim_locked(idle - std::min<std::uint64_t>(idle, 2 * bytes));
    leave_maintenance();
}

/// A limit, or the system, said no. `exhausted` may be said only after everything idle was offered: the caches of all CPUs, memory
/// carved for other classes, memory in other classes, larger slots.
outcome arena::make_room(class_number c, std::uint64_t requested, std::size_t alignment, acquisition& out, outcome why) noexcept {
    const std::size_t bytes = classes_[c].slot_bytes;
    for (int round = 0; round != 3; ++round) {
        enter_maintenance();
        drain_locked();
        slot_number slot = 0;
        class_number got = c;
        recover_lost_hints(c);
        bool found = claim_warm(c, {&slot, 1}) != 0;
        if (!found && grow(c, classes_[c].slabs, true) == outcome::done) found = claim_warm(c, {&slot, 1}) != 0;
        if (!found) {
            const std::uint64_t idle = idle_bytes();
            trim_locked(idle > bytes ? idle - bytes : 0);
        }
        leave_maintenance();
        if (found) {
            hand_out(c, slot, requested, out);
            return outcome::done;
        }
        const outcome again = refill(c, requested, alignment, out);
        if (again == outcome::done) return again;
        why = again;
        if (claim_above(c, classes_.largest(), alignment, slot, got)) {
            hand_out(got, slot, requested, out);
            return outcome::done;
        }
    }
    header_->exhausted.fetch_add(1, std::memory_order_relaxed);
    return why;
}

/// The one place outside the sequence where a user acquires: transit → HELD, one generation more.
void arena::hand_out(class_number c, slot_number slot, std::uint64_t requested, acquisition& out) noexcept {
    slot_record& at = record(slot);
    // The word is ours alone while it says transit: plain stores do. The note comes first; release: pairs with whoever reads the word.
    at.note.store(note_for(c, requested), std::memory_order_relaxed);
    const word_bits held = retag(at.word.load(std::memory_order_relaxed), tag_held) + generation_one;
    at.word.store(held, std::memory_order_seq_cst);
    // A handle may grow while its pool object goes. Either close() finds this word HELD when it looks for orphans, or we find the arena
    // closed and do what it would have done; seq_cst on both sides: pairs with the store of closed_ and the loads of words in close.
    if (closed_.load(std::memory_order_seq_cst)) mark_orphan(at.word);
    counters(c).slow_acquisitions.fetch_add(1, std::memory_order_relaxed);
    const std::size_t bytes = slot_bytes_in(word_of_slab(slab_of(slot)));
    out = {address(slot, bytes), bytes, held, slot, c};
}

/// Puts claimed slots on this CPU's stack by ordinary releases; what does not fit is FREE again.
void arena::stock_cache(class_number c, std::span<const slot_number> slots) noexcept {
    int aborts = 0;
    while (!slots.empty()) {
        const slot_number slot = slots.front();
        const word_bits word = record(slot).word.load(std::memory_order_relaxed);
        record(slot).note.store(note_for(c, 0), std::memory_order_relaxed);
        const attempt result = put_cached(access_, access_to_[c].stacks, slot, word, tag_transit);
        if (result == attempt::done) {
            slots = slots.subspan(1);
        } else if (result == attempt::none) {
            if (!open_cache(c)) break;
        } else if (++aborts == sequence_attempts) {
            break;
        }
    }
    for (const slot_number slot : slots) {
        auto& word = record(slot).word;
        word.store(retag(word.load(std::memory_order_relaxed), tag_free_warm), std::memory_order_release);
    }
    now_free(c, classes_[c].slot_bytes, slots);
}

outcome arena::release(class_number c, slot_number slot, word_bits expected, word_bits& actual) noexcept {
    // Until the slot is given back the arena lives because of it; from then on, because of this reference.
    keep_reference();
    const auto leave = [this](outcome result) {
        drop_reference();
        return result;
    };
    if (per_cpu_ && c != size_class_table::huge && cache_limits_[c] != 0) {
        for (int i = 0; i != sequence_attempts; ++i) {
            const attempt result = put_cached(access_, access_to_[c].stacks, slot, expected);
            if (result == attempt::done) return leave(outcome::done);
            if (result == attempt::mismatch || closed_.load(std::memory_order_relaxed)) break;
            if (result == attempt::none && !open_cache(c) && !flush(c)) break;
        }
    }
    auto& word = record(slot).word;
    word_bits seen = expected;
    const std::size_t bytes = slot_bytes_in(word_of_slab(slab_of(slot)));  // while the slot is held its slab stays what it is
#if defined(POLDER_NO_WORD_CHECK)
    seen = word.load(std::memory_order_relaxed);
#endif
    // release: the user's last writes are seen by whoever acquires the slot; pairs with the compare-exchange in claim.
    if (!word.compare_exchange_strong(seen, retag(expected, tag_free_warm), std::memory_order_acq_rel, std::memory_order_acquire)) {
        if (closed_.load(std::memory_order_acquire)) return leave(release_closed(slot, expected, actual));
        actual = seen;
        return leave(outcome::mismatch);
    }
    now_free(c, bytes, {&slot, 1});
    keep_idle_cap();
    return leave(outcome::done);
}

/// The pool object is gone, and `close` marked this slot as an orphan: the reference taken for it goes too.
outcome arena::release_closed(slot_number slot, word_bits expected, word_bits& actual) noexcept {
    word_bits seen = retag(expected, tag_orphaned);
    const word_bits free = retag(expected, tag_free_warm);
    if (!record(slot).word.compare_exchange_strong(seen, free, std::memory_order_acq_rel, std::memory_order_acquire)) {
        actual = seen;
        return outcome::mismatch;
    }
    drop_reference();
    return outcome::done;
}

/// Moves half of this CPU's stack to the slabs. False when there was nothing to move.
bool arena::flush(class_number c) noexcept {
    std::array<slot_number, batch_max> moved;
    const std::size_t half = std::clamp<std::size_t>((cache_limits_[c] / sizeof(cache_entry) + 1) / 2, 1, batch_max);
    std::size_t count = 0;
    for (int aborts = 0; count != half && aborts != sequence_attempts;) {
        taken_slot got;
        const attempt result = take_cached(access_, access_to_[c].stacks, c, tag_free_warm, 0, got);
        if (result == attempt::done)
            moved[count++] = got.slot;
        else if (result == attempt::none)
            break;
        else
            ++aborts;
    }
    if (count == 0) return false;
    now_free(c, classes_[c].slot_bytes, std::span(moved).first(count));
    counters(c).flushes.fetch_add(1, std::memory_order_relaxed);
    keep_idle_cap();
    return true;
}

/// Books slots whose words have become FREE and warm, and leaves hints to them.
void arena::now_free(class_number c, std::size_t slot_bytes, std::span<const slot_number> slots) noexcept {
    if (slots.empty()) return;
    const bool is_huge = c == size_class_table::huge;
    const std::size_t hinted = is_huge ? slots.size() : hints_[c].push(slots);
    for (const slot_number slot : slots.subspan(hinted)) note_free(slot);
    const std::uint32_t now = header_->clock.fetch_add(1, std::memory_order_relaxed) + 1;
    for (std::size_t i = 0; i != slots.size();) {
        std::size_t run = i + 1;
        while (run != slots.size() && slab_of(slots[run]) == slab_of(slots[i])) ++run;
        slab_record& home = slab(slab_of(slots[i]));
        home.released_at.store(now, std::memory_order_relaxed);
        home.busy.fetch_sub(static_cast<std::uint32_t>(run - i), std::memory_order_relaxed);
        i = run;
    }
    counters(c).warm_free.fetch_add(static_cast<std::int64_t>(slots.size()), std::memory_order_relaxed);
    header_->idle_bytes.fetch_add(slots.size() * slot_bytes, std::memory_order_relaxed);
}

/// Idle memory above its cap goes back to the system, an eighth of the cap more than needed so that the next release finds room.
void arena::keep_idle_cap() noexcept {
    // What the caches hold counts as idle as well; their share is bounded by construction and set aside here.
    const std::size_t cap = options_.idle_bytes_max - std::min(options_.idle_bytes_max, cached_bytes_max_);
    if (idle_bytes() <= cap) return;
    if (!try_enter_maintenance()) return;  // somebody is at it already
    trim_locked(cap - cap / 8);
    leave_maintenance();
}

}  // namespace polder::core
