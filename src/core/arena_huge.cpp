// SPDX-License-Identifier: Apache-2.0
//
// Requests above the last class: runs of slabs of their own length, kept for reuse while the idle cap allows.
#include <algorithm>

#include "polder/base/bits.hpp"
#include "polder/core/arena.hpp"
#include "polder/os/cpu.hpp"

namespace polder::core {

outcome arena::acquire_huge(std::size_t bytes, std::uint64_t requested, acquisition& out) noexcept {
    if (closed_.load(std::memory_order_relaxed)) return outcome::exhausted;
    if (os::fork_depth() != fork_depth_.load(std::memory_order_relaxed)) after_fork();
    const std::size_t slabs = divide_up(bytes, slab_bytes);
    if (slabs > layout_.slabs) {
        header_->exhausted.fetch_add(1, std::memory_order_relaxed);
        return outcome::exhausted;
    }
    const auto length = static_cast<std::uint32_t>(slabs);
    const std::size_t run_bytes = std::size_t{length} << slab_shift;
    constexpr class_number huge = size_class_table::huge;
    outcome why = outcome::exhausted;
    for (int round = 0; round != 3; ++round) {
        // An idle run of this length, or a little more; a run just carved is found in the same way.
        for (int carved = 0; carved != 4; ++carved) {
            claim_limits limits{run_bytes};
            const std::size_t born = slabs_born();
            for (std::size_t s = 0; s != born; ++s) {
                const slab_word w = word_of_slab(s);
                if (w.state != slab_state::assigned || w.cls != huge || w.length < length || w.length > length + length / 4)
                    continue;
                const slot_number slot = make_slot(s, 0);
                bool was_warm = false;
                if (!claim(huge, slot, limits, was_warm)) continue;
                slab(s).busy.fetch_add(1, std::memory_order_relaxed);
                if (was_warm) {
                    counters(huge).warm_free.fetch_sub(1, std::memory_order_relaxed);
                    header_->idle_bytes.fetch_sub(slot_bytes_in(w), std::memory_order_relaxed);
                }
                hand_out(huge, slot, requested, out);
                return outcome::done;
            }
            why = outcome::exhausted;
            if (limits.at_cap) break;
            if (why = grow(huge, length, false); why != outcome::done) break;
        }
        enter_maintenance();
        drain_locked();
        const std::uint64_t idle = idle_bytes();
        trim_locked(idle > run_bytes ? idle - run_bytes : 0);
        leave_maintenance();
    }
    if (why == outcome::done) why = outcome::exhausted;
    header_->exhausted.fetch_add(1, std::memory_order_relaxed);
    return why;
}

}  // namespace polder::core
