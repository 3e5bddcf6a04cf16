// SPDX-License-Identifier: Apache-2.0
//
// The two functions whose instructions fast_path.py counts: what a user's code gets when it acquires and releases.
#include <memory>
#include <new>

#include "polder/polder.hpp"

extern "C" [[gnu::noinline]] void fast_acquire(polder::buffer_pool* pool, std::size_t size, polder::buffer* place);
extern "C" [[gnu::noinline]] void fast_release(polder::buffer* place);

/// Builds the handle where the caller wants it.
extern "C" void fast_acquire(polder::buffer_pool* pool, std::size_t size, polder::buffer* place) {
    ::new (static_cast<void*>(place)) polder::buffer(pool->acquire(size));  // no move: the value is made in place
}

/// Ends a handle that owns something.
extern "C" void fast_release(polder::buffer* place) {
    if (!*place) __builtin_unreachable();
    std::destroy_at(place);
}
