// SPDX-License-Identifier: Apache-2.0
#include "polder/core/region.hpp"

#include "polder/core/types.hpp"
#include "polder/os/virtual_memory.hpp"

namespace polder::core {

anonymous_region::anonymous_region(std::size_t length) noexcept : base_(os::reserve(length, slab_bytes)), length_(length) {}

anonymous_region::~anonymous_region() {
    if (base_ != nullptr) os::unreserve(base_, length_);
}

int anonymous_region::commit(std::size_t offset, std::size_t length) noexcept { return os::commit(base_ + offset, length); }

int anonymous_region::decommit(std::size_t offset, std::size_t length) noexcept {
    return os::decommit(base_ + offset, length);
}

}  // namespace polder::core
