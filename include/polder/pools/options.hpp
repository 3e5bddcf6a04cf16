// SPDX-License-Identifier: Apache-2.0
//
// What can be set about a buffer pool. Every field has a default that works without arithmetic; sizes are in bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace polder {

/// Slot sizes of a pool made without a table: 64 B … 4 MiB. The slot meant for a request is at most a quarter larger than it from 257 bytes
/// on, and less than 64 bytes larger below.
std::span<const std::size_t> default_tiers() noexcept;

/// Half of the physical memory of the machine, or of the limit at the root of the control groups that the process sees (that of its
/// container), whichever is smaller.
std::size_t default_committed_bytes_max() noexcept;

/// A 64th of that memory, at least 256 MiB, at most 4 GiB.
std::size_t default_idle_bytes_max() noexcept;

struct buffer_pool_options {
    /// Shown in every message and report. Empty: "buffer_pool #n".
    std::string name{};

    /// Slot sizes: ascending, multiples of 64, at most 4 MiB, at most 160 of them. Empty: default_tiers().
    std::vector<std::size_t> tiers{};

    /// Hard cap: `acquire` throws `exhausted` rather than commit more. Counted in slots that have memory behind them.
    std::size_t committed_bytes_max = default_committed_bytes_max();

    /// What may stay resident without being in use. Slabs are trimmed down to it as buffers come home; half of it, at most, is
    /// kept in the caches of all CPUs together.
    std::size_t idle_bytes_max = default_idle_bytes_max();

    /// Buffers of 32 KiB and more begin at a varying cache line of their first page, as far as the slot has room to spare, so that the
    /// headers of many buffers do not compete for the same few cache sets. False: they begin at a page boundary.
    bool colouring = true;

    /// Use per-CPU caches where the system has restartable sequences. False: every acquisition and release is a compare-exchange.
    bool per_cpu_caches = true;
};

}  // namespace polder
