// SPDX-License-Identifier: Apache-2.0
#include "polder/observe/registry.hpp"

#include <algorithm>
#include <vector>

#include "polder/os/fork_lock.hpp"

namespace polder {
namespace {

struct registry {
    os::fork_lock lock;
    std::vector<core::arena*> arenas;
};

// Never destroyed: pools with static storage come after it and go before nobody knows what.
registry& the_registry() {
    static auto& made = *new registry;
    return made;
}

class guard {
public:
    explicit guard(os::fork_lock& lock) noexcept : lock_(lock) { lock_.lock(); }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;
    ~guard() { lock_.unlock(); }

private:
    os::fork_lock& lock_;
};

}  // namespace

void register_arena(core::arena* arena) {
    registry& all = the_registry();
    const guard held(all.lock);
    all.arenas.push_back(arena);
}

void unregister_arena(core::arena* arena) noexcept {
    registry& all = the_registry();
    const guard held(all.lock);
    std::erase(all.arenas, arena);
}

std::string pool_owning(const void* pointer) {
    registry& all = the_registry();
    const guard held(all.lock);
    const auto owner = std::find_if(all.arenas.begin(), all.arenas.end(), [pointer](auto* a) { return a->owns(pointer); });
    return owner == all.arenas.end() ? std::string() : std::string((*owner)->name());
}

}  // namespace polder
