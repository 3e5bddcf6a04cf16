// SPDX-License-Identifier: Apache-2.0
#include "polder/core/arena.hpp"

#include <algorithm>
#include <cerrno>
#include <new>

#include "polder/base/bits.hpp"
#include "polder/os/cpu.hpp"
#include "polder/os/rseq.hpp"

namespace polder::core {
namespace {

constexpr std::size_t entries_max = 128;                          // of one class on one CPU
constexpr std::size_t class_bytes_wanted = std::size_t{1} << 20;  // of one class on one CPU
constexpr std::size_t cached_slot_bytes_max = std::size_t{8} << 20;

std::size_t entries_wanted(std::size_t slot_bytes) noexcept {
    if (slot_bytes > cached_slot_bytes_max) return 0;
    return std::clamp<std::size_t>(class_bytes_wanted / slot_bytes, 1, entries_max);
}

/// How many slots of each class one CPU may keep so that all together stay within `budget` bytes: first one of each, small ones
/// first, then what is left in proportion to what each class wants.
void share_out(const size_class_table& classes, std::size_t budget, std::span<std::uint32_t> entries) noexcept {
    std::size_t wanted = 0;
    for (std::size_t c = 0; c != classes.count(); ++c) {
        const std::size_t bytes = classes[static_cast<class_number>(c)].slot_bytes;
        const std::size_t most = entries_wanted(bytes);
        entries[c] = most != 0 && bytes <= budget ? 1 : 0;
        if (entries[c] == 0) continue;
        budget -= bytes;
        wanted += (most - 1) * bytes;
    }
    if (wanted == 0) return;
    const double share = std::min(1.0, static_cast<double>(budget) / static_cast<double>(wanted));
    for (std::size_t c = 0; c != classes.count(); ++c) {
        const std::size_t most = entries_wanted(classes[static_cast<class_number>(c)].slot_bytes);
        if (entries[c] != 0) entries[c] += static_cast<std::uint32_t>(share * static_cast<double>(most - 1));
    }
}

}  // namespace

arena* arena::create(const arena_options& options, int& error) noexcept {
    const size_class_table classes(options.tiers);
    std::array<std::uint32_t, size_class_table::classes_max> entries{};
    share_out(classes, options.cpu_cache_bytes_max, entries);

    const std::size_t cap_slabs = std::clamp<std::size_t>((options.committed_bytes_max - 1) / slab_bytes + 1, 1, slabs_max);
    std::size_t wanted =
        options.address_bytes != 0 ? options.address_bytes >> slab_shift : std::max<std::size_t>(4 * cap_slabs, 256);
    wanted = std::clamp<std::size_t>(wanted, 1, slabs_max);
    // Where address space is scarce (ulimit -v, strict overcommit) a smaller room still serves, down to the cap itself.
    for (;; wanted = std::max(wanted / 2, cap_slabs)) {
        const layout where(classes, wanted, os::cpus_possible(), entries);
        auto* home = new (std::nothrow) anonymous_region(where.region_bytes, where.metadata_bytes);
        error = errno;
        std::unique_ptr<region> owned(home);
        if (home != nullptr && home->base() != nullptr) {
            auto* made = new (std::nothrow) arena(options, std::move(owned), where);
            if (made == nullptr) error = ENOMEM;
            return made;
        }
        if (wanted <= cap_slabs) return nullptr;
    }
}

arena::arena(const arena_options& options, std::unique_ptr<region> home, const layout& where) noexcept
    : classes_(options.tiers), name_(options.name), options_(options), layout_(where), region_(std::move(home)) {
    options_.name = name_.c_str();
    options_.tiers = {};
    std::byte* const base = region_->base();
    header_ = reinterpret_cast<arena_header*>(base);
    cpu_table_ = reinterpret_cast<std::uint64_t*>(base + where.cpu_table);
    hints_ = reinterpret_cast<hint_stack*>(base + where.hints);
    slabs_ = reinterpret_cast<slab_record*>(base + where.slab_records);
    bitmaps_ = base + where.bitmaps;
    cache_sets_ = base + where.cache_sets;
    shares_ = reinterpret_cast<std::atomic<std::uint32_t>*>(base + where.shares);
    data_ = base + where.data;
    per_cpu_ = options.per_cpu && os::rseq_available();
    access_ = {cpu_table_, reinterpret_cast<slot_record*>(base + where.slot_records), os::rseq_offset()};

    access_to_.fill({.stacks = cache_sets_ + where.closed_stack_offset});
    std::array<std::uint32_t, size_class_table::classes_max> entries{};
    share_out(classes_, options.cpu_cache_bytes_max, entries);
    std::size_t one_cpu = 0;
    for (std::size_t c = 0; c != classes_.count(); ++c) {
        one_cpu += entries[c] * classes_[static_cast<class_number>(c)].slot_bytes;
        access_to_[c] = {cache_sets_ + where.stack_offset[c], classes_[static_cast<class_number>(c)].slot_bytes};
        cache_limits_[c] = per_cpu_ ? entries[c] * static_cast<std::uint32_t>(sizeof(cache_entry)) : 0;
    }
    cached_bytes_max_ = per_cpu_ ? one_cpu * os::cpus_online() : 0;
    fork_depth_.store(os::fork_depth(), std::memory_order_relaxed);
    // Pages that every arena uses are written before they are read: one page fault instead of two.
    header_->committed_bytes.store(0, std::memory_order_relaxed);
    header_->classes.front().warm_free.store(0, std::memory_order_relaxed);
    slabs_[0].busy.store(0, std::memory_order_relaxed);
    cpu_table_[0] = 0;
}

location arena::locate(const void* pointer) const noexcept {
    location at;
    if (!owns(pointer)) return at;
    const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(pointer) - data_);
    std::size_t index = offset >> slab_shift;
    at.what = location::kind::unassigned;
    if (index >= slabs_born()) return at;
    slab_word w = word_of_slab(index);
    if (w.state == slab_state::tail) {
        index -= w.length;
        w = word_of_slab(index);
    }
    if (!has_slots(w.state)) return at;
    const std::size_t inside = offset - (index << slab_shift);
    at.cls = w.cls;
    at.slot_bytes = slot_bytes_in(w);
    // A run has one slot; elsewhere the offset is below 2^22 and the reciprocal is exact.
    const std::size_t place = w.length > 1 || slots_in(w) == 1 ? 0 : classes_[w.cls].slot_reciprocal.divide(inside);
    if (place >= slots_in(w) || inside >= at.slot_bytes * slots_in(w)) return at;  // behind the last slot
    at.slot = make_slot(index, place);
    at.slot_data = address(at.slot, at.slot_bytes);
    at.word = word(at.slot);
    at.what = at.slot_data == pointer ? location::kind::slot : location::kind::interior;
    return at;
}

location arena::locate_slot(slot_number slot) const noexcept {
    location at;
    at.what = location::kind::unassigned;
    if (slab_of(slot) >= slabs_born()) return at;
    const slab_word w = word_of_slab(slab_of(slot));
    if (!has_slots(w.state) || place_of(slot) >= slots_in(w)) return at;
    at.what = location::kind::slot;
    at.slot = slot;
    at.cls = w.cls;
    at.slot_bytes = slot_bytes_in(w);
    at.slot_data = address(slot, at.slot_bytes);
    at.word = word(slot);
    return at;
}

bool arena::owns(const void* pointer) const noexcept {
    // Unsigned: an address below the slabs wraps to a huge offset.
    return reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(data_) < layout_.slabs << slab_shift;
}

std::atomic<std::uint64_t>* arena::bitmap(std::size_t index, std::uint32_t slots) const noexcept {
    if (slots <= 64) return &slabs_[index].free_bits;
    return reinterpret_cast<std::atomic<std::uint64_t>*>(bitmaps_ + index * (slots_per_slab_max / 8));
}

void arena::close() noexcept {
    // From now on nothing is cached: the sets are closed, and no sequence that saw them open is still under way.
    closed_.store(true, std::memory_order_seq_cst);
    enter_maintenance();
    cpu_set were_open{};
    if (!close_cpu_sets(were_open)) return leave_maintenance();  // sequences may be under way for ever: so the arena stays for ever
    // A release that finds its word marked as an orphan drops the reference that is taken here for it; one that wins the race
    // against the mark drops none. So each buffer out is counted exactly once.
    const std::size_t born = slabs_born();
    for (std::size_t s = 0; s != born; ++s) {
        const slab_word w = word_of_slab(s);
        if (!has_slots(w.state)) continue;
        const std::uint32_t used = std::min(slab(s).used.load(std::memory_order_acquire), slots_in(w));
        for (std::uint32_t i = 0; i != used; ++i) {
            mark_orphan(record(make_slot(s, i)).word);
        }
    }
    if (references_.load(std::memory_order_acquire) != 1) {
        empty_cpu_sets(were_open);
        trim_locked(0);
    }
    leave_maintenance();
    drop_reference();
}

/// If the slot is held: counts it among what keeps the closed arena alive. Of several who try, one succeeds.
void arena::mark_orphan(std::atomic<word_bits>& word) noexcept {
    word_bits seen = word.load(std::memory_order_seq_cst);
    if (tag_of(seen) != tag_held) return;
    keep_reference();
    if (!word.compare_exchange_strong(seen, retag(seen, tag_orphaned), std::memory_order_acq_rel))
        references_.fetch_sub(1, std::memory_order_relaxed);  // the caller has one too: not the last
}

void arena::drop_reference() noexcept {
    // acq_rel: what every other holder did to the arena happened before its end.
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

}  // namespace polder::core
