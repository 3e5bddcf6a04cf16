// SPDX-License-Identifier: Apache-2.0
#include "polder/observe/violation.hpp"

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "polder/base/units.hpp"

namespace polder {
namespace {

void print_and_abort(const violation& what) {
    std::fprintf(stderr, "polder: %s\n", describe(what).c_str());
    std::fflush(stderr);
    std::abort();
}

std::atomic<violation_handler> current{print_and_abort};

std::string address_text(const void* address) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%p", address);
    return text.data();
}

}  // namespace

const char* to_string(violation_kind kind) noexcept {
    switch (kind) {
        case violation_kind::double_release:
            return "double_release";
        case violation_kind::stale_handle:
            return "stale_handle";
        case violation_kind::foreign_pointer:
            return "foreign_pointer";
        case violation_kind::interior_pointer:
            return "interior_pointer";
        case violation_kind::wrong_pool:
            return "wrong_pool";
        case violation_kind::wrong_size:
            return "wrong_size";
    }
    return "unknown_violation";
}

std::string describe(const violation& what) {
    std::string text = to_string(what.kind);
    text += " in pool \"";
    text += what.pool;
    text += "\": ";
    const std::string address = address_text(what.address);
    const std::string slot = "slot " + std::to_string(what.slot) + " of " + format_bytes(what.slot_bytes);
    const std::string now = " (acquisition " + std::to_string(what.slot_generation) + " of that slot)";
    switch (what.kind) {
        case violation_kind::double_release:
            if (what.is_owned_by_handle) {
                text += slot + " at " + address +
                        " is owned by a handle, which will give it back. Likely cause: deallocate() of the data() of a buffer.";
                break;
            }
            text += slot + " at " + address + " was already given back" + now +
                    ". Likely cause: two owners of one buffer, or a raw pointer released twice.";
            break;
        case violation_kind::stale_handle:
            text += slot + " at " + address + " was given back and acquired again since: the handle is of acquisition " +
                    std::to_string(what.handle_generation) + ", the slot is at acquisition " +
                    std::to_string(what.slot_generation) +
                    ". Likely cause: a detached buffer or a copy of a pointer kept after its release.";
            break;
        case violation_kind::foreign_pointer:
            text += address + " is not memory of any pool. Likely cause: memory of another allocator, or a damaged pointer.";
            break;
        case violation_kind::interior_pointer:
            text += address + " lies inside " + slot +
                    ", not at its beginning. Likely cause: the pointer was advanced while the buffer was in use.";
            break;
        case violation_kind::wrong_pool:
            text += address + " belongs to pool \"" + std::string(what.other_pool) +
                    "\". Likely cause: two pools in scope, and the release went to the wrong one.";
            break;
        case violation_kind::wrong_size:
            text += slot + " at " + address + " was allocated with " + format_bytes(what.expected_bytes) +
                    " and is given back with " + format_bytes(what.given_bytes) +
                    ". Likely cause: a size that changed between the two calls.";
            break;
    }
    text += " Nothing was released.";
    return text;
}

violation_handler set_violation_handler(violation_handler handler) noexcept {
    return current.exchange(handler != nullptr ? handler : print_and_abort, std::memory_order_acq_rel);
}

void report(const violation& what) { current.load(std::memory_order_acquire)(what); }

}  // namespace polder
