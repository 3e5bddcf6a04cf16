// SPDX-License-Identifier: Apache-2.0
//
// The arena: slots of many classes out of one region. Every public type of polder is a face of it.
//
// Two functions are fast and inlined, `take` and `put`: one restartable sequence each. Everything else is the slow path behind
// them, in src/core/arena_*.cpp, one file per duty:
//   arena_refill   cache ↔ slabs in batches; what an acquisition does when its cache is empty
//   arena_claim    hints to slots: who gets a FREE slot
//   arena_huge     runs of their own length
//   arena_slabs    claim, carve and retire slabs and runs
//   arena_drain    CPU sets: create, empty from afar; what a fork leaves behind
//   arena_trim     give idle memory back
//   arena_census   count, and check the invariants
//
// Threads: everything is thread-safe unless it says otherwise. Nothing blocks but `drain`, `trim` and an acquisition at its limit,
// which wait for one another.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "polder/base/config.hpp"
#include "polder/core/cpu_cache.hpp"
#include "polder/core/layout.hpp"
#include "polder/core/region.hpp"
#include "polder/core/size_class.hpp"
#include "polder/core/slab.hpp"
#include "polder/core/slot_word.hpp"
#include "polder/core/types.hpp"
#include "polder/os/fork_lock.hpp"

namespace polder::core {

struct arena_options {
    std::span<const std::size_t> tiers;   ///< see size_class_table
    std::size_t committed_bytes_max = 0;  ///< hard cap
    std::size_t idle_bytes_max = 0;       ///< what may stay resident without being held; trimmed down to it on release
    std::size_t cpu_cache_bytes_max = 0;  ///< of one CPU, all classes together
    std::size_t address_bytes = 0;        ///< room for slabs; 0 = four times the cap, at least 1 GiB
    const char* name = "";                ///< for messages; copied
    bool per_cpu = true;                  ///< false: every acquisition and release is a compare-exchange
};

enum class outcome : std::uint8_t {
    done,
    exhausted,      ///< committed_bytes_max, or no room for slabs
    out_of_memory,  ///< the system refused
    mismatch,       ///< the word is not what the handle says
};

/// A slot taken for a user.
struct acquisition {
    std::byte* data = nullptr;
    std::size_t slot_bytes = 0;
    word_bits word = 0;
    slot_number slot = 0;
    class_number cls = 0;
};

/// What an address is.
struct location {
    enum class kind : std::uint8_t { foreign, interior, unassigned, slot } what = kind::foreign;
    slot_number slot = 0;
    class_number cls = 0;
    std::size_t slot_bytes = 0;
    std::byte* slot_data = nullptr;  ///< first byte of the slot around the address, where there is one
    word_bits word = 0;
};

/// One class of a census. Slots in transit count as cached.
struct class_census {
    std::size_t slot_bytes = 0;
    std::uint64_t held = 0, held_bytes = 0, requested_bytes = 0;
    std::uint64_t cached_bytes = 0, free_warm_bytes = 0;
    std::uint64_t slabs = 0;
    std::uint64_t acquisitions = 0, slow_acquisitions = 0, refills = 0, flushes = 0;
};

struct census {
    std::vector<class_census> classes;  ///< by class number; the last one is the huge runs
    std::uint64_t unassigned_warm_bytes = 0;
    std::uint64_t committed_bytes = 0, committed_bytes_peak = 0, in_use_bytes_peak = 0;
    std::uint64_t growths = 0, recarves = 0, trimmed_bytes = 0, drains = 0, exhausted = 0;
};

class arena {
public:
    /// A new arena over anonymous memory, with one reference. nullptr with the errno when the system refuses the addresses.
    static arena* create(const arena_options& options, int& error) noexcept;

    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;

    // --- the fast path -----------------------------------------------------------------------------------------------

    /// One attempt to take a slot for `bytes` from this CPU's cache; 1 <= bytes <= classes().largest(). False: not done, for
    /// whatever reason; `acquire` sorts it out. O(1), no atomic operation.
    POLDER_INLINE bool take(std::size_t bytes, acquisition& out) noexcept {
        const class_number c = classes_.first_candidate(bytes);
        const class_access& to = access_to_[c];
        if (to.slot_bytes < bytes) [[unlikely]]
            return false;  // a table with more than eight sizes per doubling: the one for these bytes comes later
        taken_slot got;
        if (take_cached(access_, to.stacks, c, generation_one + tag_held, static_cast<std::uint32_t>(bytes), got) != attempt::done)
            return false;
        const std::size_t slot_bytes = to.slot_bytes;
        out = {address(got.slot, slot_bytes), slot_bytes, got.word, got.slot, c};
        return true;
    }

    /// One attempt to put a slot on this CPU's cache. False: not done, for whatever reason; `release` sorts it out.
    /// Never done for class `huge`, which has no cache.
    POLDER_INLINE bool put(class_number c, slot_number slot, word_bits expected) noexcept {
        return put_cached(access_, access_to_[c].stacks, slot, expected) == attempt::done;
    }

    // --- the slow path behind it -------------------------------------------------------------------------------------

    /// Takes a slot of class `c` by every means: cache, refill, a larger class, a new slab, draining, trimming.
    /// A larger class serves only if its slots too lie at multiples of `alignment`. out_of_memory or exhausted: nothing changed.
    [[nodiscard]] outcome acquire(class_number c, std::uint64_t requested, acquisition& out,
                                  std::size_t alignment = slot_bytes_min) noexcept;
    /// A run of its own length, for requests above the last class.
    [[nodiscard]] outcome acquire_huge(std::size_t bytes, std::uint64_t requested, acquisition& out) noexcept;
    /// Gives a slot back. `mismatch`: the word was not `expected`, nothing changed, `actual` says what it was.
    [[nodiscard]] outcome release(class_number c, slot_number slot, word_bits expected, word_bits& actual) noexcept;

    // --- looking things up -------------------------------------------------------------------------------------------

    std::byte* address(slot_number slot, std::size_t slot_bytes) const noexcept {
        // data_ + slab * slab_bytes + place * slot_bytes, in the order that takes the fewest instructions
        const std::size_t place = place_of(slot);
        return data_ + ((std::size_t{slot} - place) << (slab_shift - slot_shift)) + place * slot_bytes;
    }
    /// Judges any pointer without touching what it points to. O(1).
    location locate(const void* pointer) const noexcept;
    /// Judges any number: `slot`, or `unassigned` when there is no such slot at present. O(1).
    location locate_slot(slot_number slot) const noexcept;
    word_bits word(slot_number slot) const noexcept { return record(slot).word.load(std::memory_order_acquire); }
    std::uint64_t note(slot_number slot) const noexcept { return record(slot).note.load(std::memory_order_relaxed); }
    /// The class that a held slot serves.
    class_number class_of(slot_number slot) const noexcept { return static_cast<class_number>(note(slot) >> note_class_shift); }
    /// The holder of a slot notes that it uses another number of bytes.
    void set_requested(slot_number slot, std::uint64_t bytes) noexcept {
        record(slot).note.store((note(slot) & ~note_bytes_mask) | bytes, std::memory_order_relaxed);
    }
    /// The holder of a slot notes a flag with nobody looking.
    void mark(slot_number slot, std::uint64_t flag) noexcept {
        record(slot).note.store(note(slot) | flag, std::memory_order_relaxed);
    }
    /// Sets or clears a flag of the note; false when it was so already. Of two that race, one is told false.
    bool set_note_flag(slot_number slot, std::uint64_t flag, bool on) noexcept {
        auto& note = record(slot).note;
        const std::uint64_t before =
            on ? note.fetch_or(flag, std::memory_order_acq_rel) : note.fetch_and(~flag, std::memory_order_acq_rel);
        return ((before & flag) != 0) != on;
    }
    const size_class_table& classes() const noexcept { return classes_; }
    bool owns(const void* pointer) const noexcept;
    /// The pool object is gone.
    bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }
    bool is_per_cpu() const noexcept { return per_cpu_; }
    const arena_options& options() const noexcept { return options_; }
    const char* name() const noexcept { return name_.c_str(); }

    /// Handles on one slot: 0 stands for the one that every held slot has. For `slice` and `split_off`.
    std::atomic<std::uint32_t>& shares(slot_number slot) noexcept { return shares_[slot]; }

    // --- upkeep ------------------------------------------------------------------------------------------------------

    /// Empties the caches of all CPUs into the slabs.
    void drain() noexcept;
    /// Gives idle memory back until at most `keep_bytes` stay idle in the slabs; caches are not drained. Returns bytes given back.
    std::size_t trim(std::size_t keep_bytes) noexcept;
    /// Counts everything from the words. Exact when nobody acquires or releases meanwhile; each slot is counted once in any case.
    census take_census();
    /// Verifies the invariants of types.hpp; the text of the first breach, or nullptr. The caller keeps the arena quiet.
    const char* check() const noexcept;

    // --- life --------------------------------------------------------------------------------------------------------

    /// The pool object is gone: drains, closes the caches, and lives on until the last slot comes home. Drops one reference.
    void close() noexcept;

private:
    arena(const arena_options& options, std::unique_ptr<region> home, const layout& where) noexcept;
    ~arena() = default;

    // -- small accessors
    std::byte* stacks_of(class_number c) const noexcept { return access_to_[c].stacks; }
    slot_record& record(slot_number slot) const noexcept { return access_.records[slot]; }
    slab_record& slab(std::size_t index) const noexcept { return slabs_[index]; }
    slab_word word_of_slab(std::size_t index) const noexcept {
        return slab_word::from(slabs_[index].word.load(std::memory_order_seq_cst));
    }
    class_counters& counters(class_number c) noexcept {
        return header_->classes[c == size_class_table::huge ? size_class_table::classes_max : c];
    }
    std::size_t slot_bytes_in(const slab_word& w) const noexcept {
        return w.cls == size_class_table::huge ? std::size_t{w.length} << slab_shift : classes_[w.cls].slot_bytes;
    }
    std::uint32_t slots_in(const slab_word& w) const noexcept {
        return w.cls == size_class_table::huge ? 1 : classes_[w.cls].slots;
    }
    std::uint32_t slabs_born() const noexcept { return header_->slabs_born.load(std::memory_order_acquire); }
    std::atomic<std::uint64_t>* bitmap(std::size_t slab_index, std::uint32_t slots) const noexcept;

    // -- arena_refill.cpp
    /// Below this an arena is so small that its idle memory is not worth a slow path.
    static constexpr std::size_t reuse_from_bytes = std::size_t{64} << 20;
    /// Below this no memory is given back for the sake of growth: the page faults would cost more than the memory is worth.
    static constexpr std::size_t displace_from_bytes = std::size_t{128} << 20;
    static constexpr std::size_t batch_max = 64;
    outcome refill(class_number c, std::uint64_t requested, std::size_t alignment, acquisition& out) noexcept;
    outcome make_room(class_number c, std::uint64_t requested, std::size_t alignment, acquisition& out, outcome why) noexcept;
    void hand_out(class_number c, slot_number slot, std::uint64_t requested, acquisition& out) noexcept;
    void stock_cache(class_number c, std::span<const slot_number> slots) noexcept;
    bool flush(class_number c) noexcept;
    void now_free(class_number c, std::size_t slot_bytes, std::span<const slot_number> slots) noexcept;
    void keep_idle_cap() noexcept;
    void displace_idle(std::size_t bytes) noexcept;
    outcome release_closed(slot_number slot, word_bits expected, word_bits& actual) noexcept;

    // -- arena_claim.cpp
    struct claim_limits {
        std::size_t cold_bytes;  ///< stop after so many bytes of slots without memory; 0 = take none
        bool at_cap = false;     ///< a cold slot was refused by committed_bytes_max
    };
    std::size_t claim_hints(class_number c, std::span<slot_number> out, claim_limits& limits) noexcept;
    std::size_t claim_bits(class_number c, std::span<slot_number> out, claim_limits& limits) noexcept;
    std::size_t claim_warm(class_number c, std::span<slot_number> out) noexcept;
    bool claim_above(class_number c, std::size_t slot_bytes_max, std::size_t alignment, slot_number& slot,
                     class_number& got) noexcept;
    bool claim(class_number c, slot_number slot, claim_limits& limits, bool& was_warm) noexcept;
    void claimed(class_number c, std::span<const slot_number> slots, std::size_t warm) noexcept;
    void note_free(slot_number slot) noexcept;
    bool recover_lost_hints(class_number c) noexcept;

    // -- arena_slabs.cpp
    outcome grow(class_number c, std::uint32_t length, bool warm_only) noexcept;
    bool find_warm_slab(class_number c, std::size_t& index) noexcept;
    outcome find_run(std::uint32_t length, std::size_t& head) noexcept;
    bool claim_slab(std::size_t index) noexcept;
    void carve(std::size_t head, std::uint32_t length, class_number c) noexcept;
    std::size_t carve_warm_slots(std::size_t head, std::uint32_t length, std::size_t slot_bytes, std::uint32_t slots) noexcept;
    bool retire(std::size_t index) noexcept;
    bool reserve_committed(std::size_t bytes) noexcept;
    void unreserve_committed(std::size_t bytes) noexcept;

    // -- arena_drain.cpp
    bool open_cache(class_number c) noexcept;
    using cpu_set = std::array<std::uint64_t, cpus_max / 64>;
    static constexpr std::size_t opened_groups = 4;  ///< a bit per class at the beginning of each set: its stack was opened
    std::size_t set_offset(std::size_t cpu) const noexcept { return (1 + cpu) * layout_.cache_set_bytes; }
    std::atomic<std::uint64_t>* opened_of(std::size_t set) const noexcept {
        return reinterpret_cast<std::atomic<std::uint64_t>*>(cache_sets_ + set);
    }
    bool close_cpu_sets(cpu_set& open) noexcept;
    void empty_cpu_set(std::size_t cpu) noexcept;
    void empty_cpu_sets(const cpu_set& open) noexcept;
    void reopen_cpu_sets(const cpu_set& open) noexcept;
    void drain_locked() noexcept;
    void enter_maintenance() noexcept;
    bool try_enter_maintenance() noexcept;
    void leave_maintenance() noexcept { maintenance_.unlock(); }
    void after_fork() noexcept;
    void undo_retire(std::size_t index, const slab_word& w) noexcept;
    void undo_claim(std::size_t index) noexcept;
    void undo_trim(std::size_t index, const slab_word& w) noexcept;

    // -- arena_trim.cpp
    std::size_t trim_locked(std::size_t keep_bytes) noexcept;
    std::size_t trim_free_slab(std::size_t index) noexcept;
    std::size_t trim_slots(std::size_t index, std::size_t wanted) noexcept;
    void gave_back(std::size_t bytes) noexcept;

    /// A release is FREE before it is booked, so the sum may be below zero for a moment.
    std::uint64_t idle_bytes() const noexcept {
        return static_cast<std::uint64_t>(
            std::max<std::int64_t>(0, static_cast<std::int64_t>(header_->idle_bytes.load(std::memory_order_relaxed))));
    }
    void mark_orphan(std::atomic<word_bits>& word) noexcept;
    void keep_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept;

    // The fast path reads this line and the next one.
    cache_access access_;
    std::byte* data_ = nullptr;
    slab_record* slabs_ = nullptr;
    arena_header* header_ = nullptr;
    hint_stack* hints_ = nullptr;
    bool per_cpu_ = false;
    std::atomic<bool> closed_{false};
    std::atomic<unsigned> fork_depth_{0};

    /// What the fast path needs of a class. Numbers that name no class lead to a stack that is empty and closed.
    struct class_access {
        std::byte* stacks = nullptr;  ///< the class's stack in set 0
        std::size_t slot_bytes = 0;
    };
    static_assert(size_class_table::cacheable_bytes_max <= ~std::uint32_t{0}, "take_cached notes 32 bits of requested bytes");
    std::array<class_access, 256> access_to_{};
    size_class_table classes_;
    std::size_t cached_bytes_max_ = 0;                                         ///< what the caches of all CPUs can hold together
    std::array<std::uint32_t, size_class_table::classes_max> cache_limits_{};  ///< bytes of entries, as in cache_header::limit

    std::atomic<std::uint32_t>* shares_ = nullptr;
    std::byte* bitmaps_ = nullptr;
    std::byte* cache_sets_ = nullptr;
    std::uint64_t* cpu_table_ = nullptr;
    std::string name_;
    arena_options options_;
    layout layout_;
    std::unique_ptr<region> region_;
    os::fork_lock maintenance_;
    std::atomic<std::uint64_t> references_{1};
};

}  // namespace polder::core
