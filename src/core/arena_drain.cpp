// SPDX-License-Identifier: Apache-2.0
//
// The sets of caches of the CPUs: opened when a thread first runs there, emptied from afar.
//
// A CPU finds its set through its cell of the CPU table; the cell of a closed set is 0 and leads to set 0, which is all zero and so is
// empty and full at once: the sequences need no test for "closed". To empty a set from afar: close its cell, restart every sequence in the
// process (os::rseq_restart_all), and from then on nobody but us touches the set.
#include <algorithm>
#include <atomic>
#include <bit>

#include "polder/core/arena.hpp"
#include "polder/os/cpu.hpp"
#include "polder/os/rseq.hpp"

namespace polder::core {
namespace {

std::atomic_ref<std::uint64_t> cell_of(std::uint64_t* table, std::size_t cpu) noexcept { return std::atomic_ref(table[cpu]); }

}  // namespace

/// Opens this CPU's set and its stack of class `c`. True when something was closed that is open now.
bool arena::open_cache(class_number c) noexcept {
    if (!per_cpu_ || cache_limits_[c] == 0 || closed_.load(std::memory_order_relaxed)) return false;
    const std::uint64_t cpu = current_cpu_hint(access_.rseq_offset);
    if (cpu >= layout_.cpus) return false;  // a CPU that was not possible when we started
    bool opened = false;
    auto cell = cell_of(cpu_table_, cpu);
    if (cell.load(std::memory_order_acquire) == 0) {
        if (!try_enter_maintenance()) return false;  // being drained: go on without
        if (!closed_.load(std::memory_order_relaxed)) {
            cell.store(set_offset(cpu), std::memory_order_release);
            opened = true;
        }
        leave_maintenance();
    }
    const std::uint64_t set = cell.load(std::memory_order_acquire);
    if (set == 0) return false;
    // The limit never changes once it is set, so it does not matter who sets it, on which CPU, how often.
    std::atomic_ref limit(reinterpret_cast<cache_header*>(stacks_of(c) + set)->limit);
    opened_of(set)[c / 64].fetch_or(std::uint64_t{1} << (c % 64), std::memory_order_relaxed);
    return limit.exchange(cache_limits_[c], std::memory_order_relaxed) == 0 || opened;
}

/// Closes the sets of all CPUs and says which were open. Afterwards nobody but the caller, who is in maintenance, touches them. False: the
/// system would not restart the sequences; all is as before.
bool arena::close_cpu_sets(cpu_set& open) noexcept {
    if (!per_cpu_) return true;
    bool any = false;
    for (std::size_t cpu = 0; cpu != layout_.cpus; ++cpu) {
        if (cell_of(cpu_table_, cpu).exchange(0, std::memory_order_seq_cst) == 0) continue;
        open[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
        any = true;
    }
    if (!any || os::rseq_restart_all()) return true;
    reopen_cpu_sets(open);
    return false;
}

/// Moves what the caches of a closed set hold to the slabs.
void arena::empty_cpu_set(std::size_t cpu) noexcept {
    const std::size_t set = set_offset(cpu);
    std::array<slot_number, batch_max> moved;
    for (std::size_t group = 0; group != opened_groups; ++group) {
        for (std::uint64_t bits = opened_of(set)[group].load(std::memory_order_relaxed); bits != 0; bits &= bits - 1) {
            const auto c = static_cast<class_number>(group * 64 + static_cast<unsigned>(std::countr_zero(bits)));
            auto* const head = reinterpret_cast<cache_header*>(stacks_of(c) + set);
            const auto* const entries = reinterpret_cast<const cache_entry*>(head + 1);
            std::size_t count = 0;
            for (std::size_t e = head->top / sizeof(cache_entry); e-- != 0;) {
                const slot_number slot = entries[e];
                auto& word = record(slot).word;
                const word_bits seen = word.load(std::memory_order_relaxed);
                if (tag_of(seen) != kind_cached + cpu || class_of(slot) != c) continue;  // left behind by an acquisition
                word.store(retag(seen, tag_free_warm), std::memory_order_release);
                moved[count++] = slot;
                if (count == moved.size()) {
                    now_free(c, classes_[c].slot_bytes, moved);
                    count = 0;
                }
            }
            now_free(c, classes_[c].slot_bytes, std::span(moved).first(count));
            head->top = 0;
        }
    }
}

void arena::reopen_cpu_sets(const cpu_set& open) noexcept {
    for (std::size_t cpu = 0; cpu != layout_.cpus; ++cpu) {
        if ((open[cpu / 64] >> (cpu % 64) & 1) != 0) cell_of(cpu_table_, cpu).store(set_offset(cpu), std::memory_order_release);
    }
}

void arena::empty_cpu_sets(const cpu_set& open) noexcept {
    for (std::size_t cpu = 0; cpu != layout_.cpus; ++cpu) {
        if ((open[cpu / 64] >> (cpu % 64) & 1) != 0) empty_cpu_set(cpu);
    }
}

/// Moves everything that any CPU has cached to the slabs. The caller is in maintenance.
void arena::drain_locked() noexcept {
    cpu_set open{};
    if (!per_cpu_ || !close_cpu_sets(open)) return;
    header_->drains.fetch_add(1, std::memory_order_relaxed);
    empty_cpu_sets(open);
    reopen_cpu_sets(open);
}

void arena::drain() noexcept {
    enter_maintenance();
    drain_locked();
    leave_maintenance();
}

void arena::enter_maintenance() noexcept { maintenance_.lock(); }

bool arena::try_enter_maintenance() noexcept {
    bool inherited = false;
    return maintenance_.try_lock(inherited);
}

/// First slow path of a child: the other threads are gone. What they held is lost to the child, as with any allocator; what they were in
/// the middle of is undone: caches they had closed are opened again by use, slabs they were moving return to where they came from.
void arena::after_fork() noexcept {
    const unsigned depth = os::fork_depth();
    unsigned seen = fork_depth_.load(std::memory_order_relaxed);
    if (seen == depth || !fork_depth_.compare_exchange_strong(seen, depth, std::memory_order_relaxed)) return;
    enter_maintenance();
    const std::size_t born = slabs_born();
    for (std::size_t s = 0; s != born; ++s) {
        const slab_word w = word_of_slab(s);
        if (w.session == static_cast<std::uint16_t>(depth)) continue;
        if (w.state == slab_state::retiring) undo_retire(s, w);
        if (w.state == slab_state::claiming) undo_claim(s);
        if (w.state == slab_state::assigned) undo_trim(s, w);
    }
    // Tails whose head is no run of theirs (any more).
    for (std::size_t s = 0; s != born; ++s) {
        const slab_word w = word_of_slab(s);
        if (w.state != slab_state::tail) continue;
        const slab_word head = word_of_slab(s - w.length);
        if (!has_slots(head.state) || head.length <= w.length) slab(s).word.store(slab_word{}.bits(), std::memory_order_seq_cst);
    }
    leave_maintenance();
}

/// The slab is in use again; but a run whose tails have begun to fall off is free for good.
void arena::undo_retire(std::size_t index, const slab_word& w) noexcept {
    slab_record& at = slab(index);
    for (std::uint32_t i = 1; i < w.length; ++i) {
        const slab_word tail = word_of_slab(index + i);
        if (tail.state == slab_state::tail && tail.length == i) continue;
        at.warm_bytes.store(is_warm(record(make_slot(index, 0)).word.load(std::memory_order_relaxed)) ? slab_bytes : 0,
                            std::memory_order_relaxed);
        at.word.store(slab_word{}.bits(), std::memory_order_seq_cst);
        return;
    }
    for (std::uint32_t i = 0; i != std::min(at.used.load(std::memory_order_relaxed), slots_in(w)); ++i) {
        auto& word = record(make_slot(index, i)).word;
        const word_bits bits = word.load(std::memory_order_relaxed);
        if (is_retired(bits)) word.store(to_free(bits), std::memory_order_relaxed);
    }
    at.word.store(slab_word{slab_state::assigned, w.cls, 0, w.length}.bits(), std::memory_order_seq_cst);
}

/// Words that were carved already are retired again, as far as they may have been touched.
void arena::undo_claim(std::size_t index) noexcept {
    slab_record& at = slab(index);
    const std::uint32_t touched = std::max(at.used.load(std::memory_order_relaxed), at.retired.load(std::memory_order_relaxed));
    for (std::uint32_t i = 0; i != touched; ++i) {
        auto& word = record(make_slot(index, i)).word;
        const word_bits bits = word.load(std::memory_order_relaxed);
        if (is_free(bits)) word.store(to_retired(bits), std::memory_order_relaxed);
    }
    at.retired.store(touched, std::memory_order_relaxed);
    at.word.store(slab_word{}.bits(), std::memory_order_seq_cst);
}

/// Slots that somebody was giving back to the system are FREE again; warm, because their pages may have stayed.
void arena::undo_trim(std::size_t index, const slab_word& w) noexcept {
    for (std::uint32_t i = 0; i != std::min(slab(index).used.load(std::memory_order_relaxed), slots_in(w)); ++i) {
        auto& word = record(make_slot(index, i)).word;
        const word_bits bits = word.load(std::memory_order_relaxed);
        if (tag_of(bits) != tag_trimming) continue;
        word.store(retag(bits, tag_free_warm), std::memory_order_release);
        note_free(make_slot(index, i));
    }
}

}  // namespace polder::core
