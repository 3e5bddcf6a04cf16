// SPDX-License-Identifier: Apache-2.0
#include "polder/pools/acquire.hpp"

#include <algorithm>

#include "polder/base/bits.hpp"
#include "polder/base/units.hpp"
#include "polder/observe/registry.hpp"
#include "polder/observe/stats.hpp"
#include "polder/observe/violation.hpp"

namespace polder {
namespace {

/// Size of the slot for a request, 0 when the arithmetic would overflow. `c` is its class, or `huge`.
std::size_t slot_for(const core::size_class_table& classes, std::size_t size, std::size_t alignment,
                     core::class_number& c) noexcept {
    if (size > classes.largest()) {
        c = core::size_class_table::huge;
        const auto padded = checked_add(size, core::slab_bytes - 1);
        return padded ? round_down(*padded, core::slab_bytes) : 0;
    }
    c = classes.class_of(size);
    // A slot begins at a multiple of its size from a slab's beginning: the size tells the alignment. Runs satisfy any.
    while (classes[c].slot_bytes % alignment != 0) ++c;
    return classes[c].slot_bytes;
}

std::vector<holder> biggest_holders(const pool_stats& stats) {
    std::vector<holder> holders;
    for (const tier_stats& tier : stats.tiers) {
        if (tier.buffers_in_use == 0) continue;
        const std::string name = tier.slot_bytes != 0 ? "tier " + format_bytes(tier.slot_bytes) : "buffers above 64 MiB";
        holders.push_back({stats.name + ", " + name, tier.in_use_bytes, tier.buffers_in_use});
    }
    std::sort(holders.begin(), holders.end(), [](const holder& a, const holder& b) { return a.in_use_bytes > b.in_use_bytes; });
    if (holders.size() > 3) holders.resize(3);
    return holders;
}

std::string count_of_buffers(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " buffer" : " buffers"); }

std::string holders_text(const std::vector<holder>& holders) {
    std::string text;
    for (const holder& h : holders) {
        text += text.empty() ? " Biggest holders: " : "; ";
        text += h.name + ": " + count_of_buffers(h.buffers) + ", " + format_bytes(h.in_use_bytes);
    }
    return text.empty() ? text : text + ".";
}

violation describe_slot(core::arena& arena, core::slot_number slot, core::class_number c, const void* data, core::word_bits word) {
    violation what;
    what.pool = arena.name();
    what.address = data;
    what.slot = slot;
    what.slot_bytes = c == core::size_class_table::huge ? arena.locate(data).slot_bytes : arena.classes()[c].slot_bytes;
    what.slot_generation = core::generation_of(word);
    return what;
}

}  // namespace

std::error_code try_acquire_slot(core::arena& arena, std::size_t size, std::size_t alignment, std::uint64_t note,
                                 core::acquisition& got) noexcept {
    if (!is_power_of_two(alignment) || alignment > alignment_max) return errc::invalid_alignment;
    if (size == 0 || size > arena.options().committed_bytes_max) return errc::invalid_size;
    core::class_number c = 0;
    const std::size_t slot_bytes = slot_for(arena.classes(), size, alignment, c);
    if (slot_bytes == 0 || slot_bytes > arena.options().committed_bytes_max) return errc::invalid_size;
    const core::outcome result = c == core::size_class_table::huge
                                     ? arena.acquire_huge(size, note, got)
                                     : arena.acquire(c, note, got, std::max(alignment, core::slot_bytes_min));
    if (result == core::outcome::done) return {};
    return result == core::outcome::out_of_memory ? errc::out_of_memory : errc::exhausted;
}

void acquire_slot(core::arena& arena, std::size_t size, std::size_t alignment, std::uint64_t note, core::acquisition& got) {
    if (const std::error_code why = try_acquire_slot(arena, size, alignment, note, got))
        throw_acquire_error(arena, why, size, alignment);
}

void throw_acquire_error(core::arena& arena, std::error_code why, std::size_t size, std::size_t alignment) {
    const std::size_t cap = arena.options().committed_bytes_max;
    error_details details;
    details.pool = arena.name();
    details.request_bytes = size;
    details.limit_bytes = cap;
    const std::string pool = "polder: pool \"" + details.pool + "\": ";
    if (why == errc::invalid_alignment) {
        details.limit_bytes = alignment_max;
        throw invalid_alignment(pool + "an alignment of " + std::to_string(alignment) +
                                    " was asked for. It must be a power of two up to " + format_bytes(alignment_max) + ".",
                                std::move(details));
    }
    if (why == errc::invalid_size) {
        if (size == 0) throw invalid_size(pool + "a buffer of 0 bytes was asked for. Ask for at least 1.", std::move(details));
        core::class_number c = 0;
        details.setting = "committed_bytes_max";
        const std::size_t slot_bytes = slot_for(arena.classes(), size, alignment, c);
        throw invalid_size(pool + "a buffer of " + format_bytes(size) + " was asked for" +
                               (slot_bytes > size ? ", which takes a slot of " + format_bytes(slot_bytes) : std::string()) +
                               ". It could never fit under committed_bytes_max = " + format_bytes(cap) +
                               ". Raise committed_bytes_max, or ask for less: the size may have overflowed.",
                           std::move(details));
    }
    if (arena.is_closed()) {
        throw exhausted(pool + "the pool object is gone, so a buffer of it cannot grow to " + format_bytes(size) +
                            ". What it has stays valid up to its capacity.",
                        std::move(details));
    }
    const pool_stats stats = collect_stats(arena);
    details.in_use_bytes = stats.in_use_bytes;
    details.holders = biggest_holders(stats);
    const std::string held = format_bytes(stats.in_use_bytes) + " are in use by " + count_of_buffers(stats.buffers_in_use) + ", " +
                             format_bytes(stats.idle_bytes) + " are idle." + holders_text(details.holders);
    if (why == errc::out_of_memory) {
        throw out_of_memory(
            pool + "the system refused memory for a buffer of " + format_bytes(size) + ". " + held +
                " Free memory, or raise the limit of the process or its control group (ulimit -v, vm.overcommit_memory).",
            std::move(details));
    }
    details.setting = "committed_bytes_max";
    throw exhausted(pool + "a buffer of " + format_bytes(size) + " does not fit under committed_bytes_max = " + format_bytes(cap) +
                        ": " + held + " Release buffers earlier, or raise committed_bytes_max.",
                    std::move(details));
}

void release_slot(core::arena& arena, core::class_number c, core::slot_number slot, core::word_bits expected,
                  const void* data) noexcept {
    core::word_bits actual = 0;
    if (arena.release(c, slot, expected, actual) != core::outcome::mismatch) return;
    violation what = describe_slot(arena, slot, c, data, actual);
    what.handle_generation = core::generation_of(expected);
    what.kind = what.slot_generation == what.handle_generation ? violation_kind::double_release : violation_kind::stale_handle;
    report(what);
}

void report_bad_pointer(core::arena& arena, const core::location& at, const void* pointer) noexcept {
    violation what = describe_slot(arena, at.slot, at.cls, pointer, at.word);
    what.slot_bytes = at.slot_bytes;
    std::string other;
    switch (at.what) {
        case core::location::kind::interior:
            what.kind = violation_kind::interior_pointer;
            break;
        case core::location::kind::slot:
            what.kind = violation_kind::double_release;
            what.is_owned_by_handle = core::is_held(at.word);
            break;
        case core::location::kind::unassigned:
            what.kind = violation_kind::double_release;
            break;
        case core::location::kind::foreign:
            other = pool_owning(pointer);
            what.kind = other.empty() ? violation_kind::foreign_pointer : violation_kind::wrong_pool;
            what.other_pool = other.c_str();
            break;
    }
    report(what);
}

}  // namespace polder
