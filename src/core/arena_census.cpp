// SPDX-License-Identifier: Apache-2.0
//
// Counting: everything that statistics say is read off the words.
#include <algorithm>

#include "polder/core/arena.hpp"

namespace polder::core {

census arena::take_census() {
    census all;
    all.classes.resize(classes_.count() + 1);
    const auto line = [&](class_number c) -> class_census& {
        return c == size_class_table::huge ? all.classes.back() : all.classes[c];
    };
    std::uint64_t in_use = 0;
    const std::size_t born = slabs_born();
    for (std::size_t s = 0; s != born; ++s) {
        slab_record& at = slab(s);
        const slab_word w = word_of_slab(s);
        if (w.state == slab_state::tail) continue;
        all.unassigned_warm_bytes += at.warm_bytes.load(std::memory_order_relaxed);
        if (!has_slots(w.state)) continue;
        class_census& c = line(w.cls);
        const std::size_t bytes = slot_bytes_in(w);
        const std::uint32_t used = std::min(at.used.load(std::memory_order_acquire), slots_in(w));
        std::uint64_t generations = 0;
        c.slabs += w.length;
        for (std::uint32_t i = 0; i != used; ++i) {
            const slot_record& slot = record(make_slot(s, i));
            word_bits word = slot.word.load(std::memory_order_acquire);
            std::uint64_t note = slot.note.load(std::memory_order_relaxed);
            // The note belongs to the word only if the word is still the same afterwards; a few looks, then the last one counts.
            for (int look = 0; is_held(word) && look != 8; ++look) {
                std::atomic_thread_fence(std::memory_order_acquire);
                const word_bits again = slot.word.load(std::memory_order_acquire);
                if (again == word) break;
                word = again;
                note = slot.note.load(std::memory_order_relaxed);
            }
            generations += generation_of(word);
            if (is_held(word)) {
                ++c.held;
                c.held_bytes += bytes;
                c.requested_bytes += note & note_bytes_mask;
            } else if (is_free(word) || is_retired(word)) {
                if (is_warm(word)) c.free_warm_bytes += bytes;
            } else {
                c.cached_bytes += bytes;
            }
        }
        c.acquisitions += generations - at.generations.load(std::memory_order_relaxed);
        c.slot_bytes = w.cls == size_class_table::huge ? 0 : bytes;
    }
    for (std::size_t i = 0; i != classes_.count(); ++i) {
        all.classes[i].slot_bytes = classes_[static_cast<class_number>(i)].slot_bytes;
    }
    for (std::size_t i = 0; i != all.classes.size(); ++i) {
        const bool is_huge = i == classes_.count();
        const class_counters& from = counters(is_huge ? size_class_table::huge : static_cast<class_number>(i));
        class_census& to = all.classes[i];
        to.acquisitions += from.folded_acquisitions.load(std::memory_order_relaxed);
        to.slow_acquisitions = from.slow_acquisitions.load(std::memory_order_relaxed);
        to.refills = from.refills.load(std::memory_order_relaxed);
        to.flushes = from.flushes.load(std::memory_order_relaxed);
        in_use += to.held_bytes;
    }
    in_use = std::min(in_use, header_->committed_bytes_peak.load(std::memory_order_relaxed));
    auto& peak = header_->in_use_bytes_peak;
    std::uint64_t highest = peak.load(std::memory_order_relaxed);
    while (highest < in_use && !peak.compare_exchange_weak(highest, in_use, std::memory_order_relaxed)) {
    }
    all.in_use_bytes_peak = peak.load(std::memory_order_relaxed);
    all.committed_bytes = header_->committed_bytes.load(std::memory_order_relaxed);
    all.committed_bytes_peak = header_->committed_bytes_peak.load(std::memory_order_relaxed);
    all.growths = header_->growths.load(std::memory_order_relaxed);
    all.recarves = header_->recarves.load(std::memory_order_relaxed);
    all.trimmed_bytes = header_->trimmed_bytes.load(std::memory_order_relaxed);
    all.drains = header_->drains.load(std::memory_order_relaxed);
    all.exhausted = header_->exhausted.load(std::memory_order_relaxed);
    return all;
}

const char* arena::check() const noexcept {
    std::uint64_t committed = 0;
    std::uint64_t idle = 0;
    const std::size_t born = slabs_born();
    for (std::size_t s = 0; s != born; ++s) {
        const slab_record& at = slab(s);
        const slab_word w = word_of_slab(s);
        const std::uint64_t front = at.warm_bytes.load(std::memory_order_relaxed);
        committed += front;
        idle += front;
        if (w.state == slab_state::claiming || w.state == slab_state::retiring)
            return "a slab is in transition while the arena is quiet";
        if (w.state == slab_state::tail) {
            const slab_word head = word_of_slab(s - w.length);
            if (head.state != slab_state::assigned || head.length <= w.length) return "the tail of a run has no head";
            continue;
        }
        const std::uint32_t retired = at.retired.load(std::memory_order_relaxed);
        if (w.state == slab_state::free) {
            for (std::uint32_t i = 0; i != retired; ++i)
                if (!is_retired(record(make_slot(s, i)).word.load(std::memory_order_relaxed)))
                    return "I4: a word of a free slab is not retired";
            continue;
        }
        std::uint32_t busy = 0;
        const std::uint32_t used = at.used.load(std::memory_order_relaxed);
        for (std::uint32_t i = 0; i != slots_in(w); ++i) {
            const word_bits word = record(make_slot(s, i)).word.load(std::memory_order_relaxed);
            if (word != 0 && i >= used && is_warm(word)) return "a word behind the used ones is warm";
            if (is_retired(word)) return "a word of an assigned slab says retired";
            if (is_warm(word)) committed += slot_bytes_in(w);
            if (tag_of(word) == tag_free_warm) idle += slot_bytes_in(w);
            busy += is_free(word) ? 0 : 1;
            // Behind the words ever used there are 65,536 zeros at most: enough of them were seen.
            if (i > used + 64) break;
        }
        if (busy != at.busy.load(std::memory_order_relaxed)) return "the count of busy slots of a slab is wrong";
    }
    if (committed != header_->committed_bytes.load(std::memory_order_relaxed)) return "I5: committed bytes differ from the words";
    if (idle != header_->idle_bytes.load(std::memory_order_relaxed)) return "idle bytes differ from the words";
    return nullptr;
}

}  // namespace polder::core
