// SPDX-License-Identifier: Apache-2.0
#include "polder/core/layout.hpp"

#include <algorithm>
#include <span>

#include "polder/base/bits.hpp"

namespace polder::core {
namespace {

constexpr std::size_t page = 4096;  // of the format; a system with larger pages rounds up when it commits

}  // namespace

layout::layout(const size_class_table& classes, std::size_t slab_count, unsigned cpu_count,
               std::span<const std::uint32_t> cache_entries) noexcept
    : slabs(slab_count), cpus(std::min(cpu_count, cpus_max)) {
    std::size_t set = 64;  // a bit per class: opened
    for (std::size_t c = 0; c != classes.count(); ++c) {
        stack_offset[c] = static_cast<std::uint32_t>(set);
        set += round_up(sizeof(cache_header) + cache_entries[c] * sizeof(cache_entry), 64);
    }
    closed_stack_offset = static_cast<std::uint32_t>(set);
    cache_set_bytes = round_up(set + sizeof(cache_header), page);

    std::size_t at = round_up(sizeof(arena_header), page);
    const auto place = [&at](std::size_t bytes) {
        const std::size_t offset = at;
        at += round_up(bytes, page);
        return offset;
    };
    cpu_table = place(cpus_max * sizeof(std::uint64_t));
    hints = place((classes.count() + 1) * sizeof(hint_stack));
    slab_records = place(slabs * sizeof(slab_record));
    bitmaps = place(slabs * slots_per_slab_max / 8);
    cache_sets = place((1 + std::size_t{cpus}) * cache_set_bytes);
    slot_records = place(slabs * slots_per_slab_max * sizeof(slot_record));
    shares = place(slabs * slots_per_slab_max * sizeof(std::uint32_t));
    metadata_bytes = at;
    // At least one page that nobody may touch stands between the words and the users' bytes.
    data = round_up(at + page, slab_bytes);
    region_bytes = data + slabs * slab_bytes;
}

}  // namespace polder::core
