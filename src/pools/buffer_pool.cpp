// SPDX-License-Identifier: Apache-2.0
#include "polder/pools/buffer_pool.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>

#include "polder/base/units.hpp"
#include "polder/observe/registry.hpp"
#include "polder/observe/violation.hpp"
#include "polder/os/cpu.hpp"
#include "polder/os/rseq.hpp"
#include "polder/pools/acquire.hpp"

namespace polder {
namespace {

constexpr std::size_t tiers_max = 160;

[[noreturn]] void bad_option(const buffer_pool_options& options, const char* setting, std::size_t value,
                             const std::string& problem) {
    error_details details;
    details.pool = options.name;
    details.request_bytes = value;
    details.setting = setting;
    throw invalid_option("polder: pool \"" + options.name + "\": " + setting + " = " + std::to_string(value) + ": " + problem,
                         std::move(details));
}

void validate(const buffer_pool_options& options) {
    if (options.tiers.size() > tiers_max)
        bad_option(options, "tiers.size()", options.tiers.size(), "at most " + std::to_string(tiers_max) + " tiers are possible.");
    std::size_t last = 0;
    for (const std::size_t bytes : options.tiers) {
        if (bytes == 0 || bytes % core::slot_bytes_min != 0)
            bad_option(options, "tiers", bytes, "a slot size must be a positive multiple of 64 bytes.");
        if (bytes > core::slab_bytes)
            bad_option(options, "tiers", bytes, "a tier is at most 4 MiB; larger buffers are pooled without one.");
        if (bytes <= last)
            bad_option(options, "tiers", bytes, "slot sizes must ascend; the one before is " + std::to_string(last) + ".");
        last = bytes;
    }
    if (options.committed_bytes_max < options.tiers.front())
        bad_option(options, "committed_bytes_max", options.committed_bytes_max,
                   "not even one slot of the smallest tier (" + format_bytes(options.tiers.front()) + ") fits.");
}

buffer_pool_options with_defaults(buffer_pool_options options) {
    static std::atomic<unsigned> unnamed{0};
    if (options.name.empty()) options.name = "buffer_pool #" + std::to_string(unnamed.fetch_add(1, std::memory_order_relaxed) + 1);
    if (options.tiers.empty()) options.tiers.assign(default_tiers().begin(), default_tiers().end());
    validate(options);
    // The cap bounds what is idle as well.
    options.idle_bytes_max = std::min(options.idle_bytes_max, options.committed_bytes_max);
    return options;
}

core::arena* make_arena(const buffer_pool_options& options) {
    core::arena_options wanted;
    wanted.tiers = options.tiers;
    wanted.committed_bytes_max = options.committed_bytes_max;
    wanted.idle_bytes_max = options.idle_bytes_max;
    wanted.cpu_cache_bytes_max = options.idle_bytes_max / 2 / os::cpus_online();
    wanted.per_cpu = options.per_cpu_caches;
    wanted.name = options.name.c_str();
    int error = 0;
    core::arena* made = core::arena::create(wanted, error);
    if (made != nullptr) return made;
    error_details details;
    details.pool = options.name;
    details.request_bytes = options.committed_bytes_max;
    details.setting = "committed_bytes_max";
    throw out_of_memory("polder: pool \"" + options.name + "\": the system refused the address space for committed_bytes_max = " +
                            format_bytes(options.committed_bytes_max) + " (" + std::generic_category().message(error) +
                            "). Lower committed_bytes_max, or raise the limit of the process (ulimit -v, vm.overcommit_memory).",
                        std::move(details));
}

}  // namespace

buffer_pool::buffer_pool(buffer_pool_options options)
    : colour_mask_(options.colouring ? 4032 : 0), options_(with_defaults(std::move(options))) {
    arena_ = make_arena(options_);
    try {
        register_arena(arena_);
    } catch (...) {
        arena_->close();
        throw;
    }
}

buffer_pool::~buffer_pool() {
    unregister_arena(arena_);
    arena_->close();
}

core::acquisition buffer_pool::acquire_slow(std::size_t size) {
    core::acquisition got;
    acquire_slot(*arena_, size, 1, size, got);
    return got;
}

buffer buffer_pool::acquire(std::size_t size, std::size_t alignment) {
    core::acquisition got;
    acquire_slot(*arena_, size, alignment, size, got);
    return {arena_, got, size, alignment <= 64 ? colour_mask_ : 0};
}

core::acquisition buffer_pool::try_acquire_slow(std::size_t size, std::error_code& error) noexcept {
    core::acquisition got;
    error = try_acquire_slot(*arena_, size, 1, size, got);
    return got;
}

void* buffer_pool::allocate(std::size_t size, std::size_t alignment) {
    core::acquisition got;
    if (alignment == core::slot_bytes_min && take(arena_, size, got))
        arena_->mark(got.slot, core::note_raw);
    else
        acquire_slot(*arena_, size, alignment, size | core::note_raw, got);
    return got.data;
}

void* buffer_pool::try_allocate(std::size_t size, std::error_code& error, std::size_t alignment) noexcept {
    core::acquisition got;
    error.clear();
    if (alignment == core::slot_bytes_min && take(arena_, size, got)) {
        arena_->mark(got.slot, core::note_raw);
        return got.data;
    }
    error = try_acquire_slot(*arena_, size, alignment, size | core::note_raw, got);
    return error ? nullptr : got.data;
}

void buffer_pool::deallocate(void* pointer) noexcept { deallocate_checked(pointer, 0, false); }

void buffer_pool::deallocate(void* pointer, std::size_t size) noexcept { deallocate_checked(pointer, size, true); }

void buffer_pool::deallocate_checked(void* pointer, std::size_t size, bool has_size) noexcept {
    if (pointer == nullptr) return;
    const core::location at = arena_->locate(pointer);
    if (at.what != core::location::kind::slot) return report_bad_pointer(*arena_, at, pointer);
    const std::uint64_t note = arena_->note(at.slot);
    // A slot that nobody holds, or that a handle holds, is not a raw pointer's to give back any more.
    if (!core::is_held(at.word) || (note & core::note_raw) == 0) return report_bad_pointer(*arena_, at, pointer);
    if (has_size && size != (note & core::note_bytes_mask)) {
        violation what;
        what.kind = violation_kind::wrong_size;
        what.pool = arena_->name();
        what.address = pointer;
        what.slot = at.slot;
        what.slot_bytes = at.slot_bytes;
        what.slot_generation = core::generation_of(at.word);
        what.expected_bytes = note & core::note_bytes_mask;
        what.given_bytes = size;
        return report(what);
    }
    // A cached slot carries no flag. Of two that give back the same pointer at once the first clears it.
    if (!arena_->set_note_flag(at.slot, core::note_raw, false)) return report_bad_pointer(*arena_, at, pointer);
    if (!arena_->put(at.cls, at.slot, at.word)) release_slot(*arena_, at.cls, at.slot, at.word, pointer);
}

buffer buffer_pool::attach(const detached_buffer& value) {
    // The slot is what counts: an empty tail begins where its slot ends.
    const core::location at = arena_->locate_slot(value.slot);
    const auto offset = static_cast<std::size_t>(value.data - at.slot_data);
    if (at.what != core::location::kind::slot || value.data < at.slot_data || offset > at.slot_bytes) {
        core::location by_address = arena_->locate(value.data);
        // Memory of ours, but not of the slot that the value names: it was carved anew, or the value was tampered with.
        if (by_address.what != core::location::kind::foreign) by_address = {.what = core::location::kind::unassigned};
        report_bad_pointer(*arena_, by_address, value.data);
        return {};
    }
    violation what;
    what.pool = arena_->name();
    what.address = value.data;
    what.slot = at.slot;
    what.slot_bytes = at.slot_bytes;
    what.slot_generation = core::generation_of(at.word);
    what.handle_generation = core::generation_of(value.ticket);
    if (at.word == value.ticket && value.size > at.slot_bytes - offset) {
        what.kind = violation_kind::wrong_size;
        what.expected_bytes = at.slot_bytes - offset;
        what.given_bytes = value.size;
        report(what);
        return {};
    }
    // Of two attaches of one value the first clears the flag.
    if (at.word != value.ticket || !arena_->set_note_flag(at.slot, core::note_detached, false)) {
        what.kind = what.slot_generation == what.handle_generation ? violation_kind::double_release : violation_kind::stale_handle;
        report(what);
        return {};
    }
    buffer made;
    made.arena_ = arena_;
    made.data_ = value.data;
    made.size_ = value.size;
    made.capacity_ = at.slot_bytes - offset;
    made.word_ = value.ticket;
    made.slot_ = value.slot;
    made.class_ = at.cls;
    return made;
}

std::size_t buffer_pool::trim(std::size_t keep_bytes) noexcept {
    arena_->drain();
    return arena_->trim(keep_bytes);
}

void buffer_pool::drain() noexcept { arena_->drain(); }

pool_stats buffer_pool::stats() const { return collect_stats(*arena_); }

std::size_t buffer_pool::slot_bytes_for(std::size_t size) const noexcept {
    const auto& classes = arena_->classes();
    if (size == 0 || size > options_.committed_bytes_max) return 0;
    const std::size_t bytes = size <= classes.largest() ? classes[classes.class_of(size)].slot_bytes
                                                        : (size + core::slab_bytes - 1) / core::slab_bytes * core::slab_bytes;
    return bytes <= options_.committed_bytes_max ? bytes : 0;
}

const char* buffer_pool::cache_status() const noexcept {
    if (arena_->is_per_cpu()) return "in use";
    return options_.per_cpu_caches ? os::rseq_status() : "switched off by per_cpu_caches = false";
}

}  // namespace polder
