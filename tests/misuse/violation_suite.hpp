// SPDX-License-Identifier: Apache-2.0
//
// The misuses, as functions: shared by the test that each is caught, and by the positive control in which the library was built without
// the word check and must not notice those that only the word tells.
#pragma once

#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include "polder/polder.hpp"

namespace polder::test {

/// Attaches a value whose buffer went home: `reuses` others have had the slot since.
inline void attach_after_reuse(buffer_pool& pool, int reuses) {
    buffer first = pool.acquire(2048);
    const detached_buffer value = first.detach();
    pool.attach(value).reset();
    for (int i = 0; i != reuses; ++i) {
        // Whoever gets this very slot; others are put aside.
        std::vector<buffer> aside;
        for (;;) {
            aside.push_back(pool.acquire(2048));
            if (aside.back().slot() == value.slot) break;
        }
    }
    pool.attach(value).reset();
}

/// A copy of the handle's bytes goes home after the handle did: what a stray memcpy of an object does.
struct stray_copy {
    explicit stray_copy(const buffer& of) noexcept { __builtin_memcpy(place, static_cast<const void*>(&of), sizeof(buffer)); }
    /// Gives back what the copy believes to own.
    void release() noexcept { reinterpret_cast<buffer*>(place)->reset(); }
    alignas(buffer) std::byte place[sizeof(buffer)];
};

}  // namespace polder::test
