// SPDX-License-Identifier: Apache-2.0
//
// The pools of this process, so that a report can say whose an address is. Consulted when something is wrong, never on the way.
#pragma once

#include <string>

#include "polder/core/arena.hpp"

namespace polder {

/// Enters an arena; called once when its pool is made. Thread-safe. Throws std::bad_alloc.
void register_arena(core::arena* arena);

/// Strikes it out before its pool goes. Thread-safe.
void unregister_arena(core::arena* arena) noexcept;

/// Name of the registered pool whose memory `pointer` lies in; empty when there is none. O(pools).
std::string pool_owning(const void* pointer);

}  // namespace polder
