// SPDX-License-Identifier: Apache-2.0
#include "polder/core/region.hpp"

#include <cerrno>

#include "polder/core/types.hpp"
#include "polder/os/virtual_memory.hpp"

namespace polder::core {

anonymous_region::anonymous_region(std::size_t length, std::size_t front) noexcept
    : base_(os::reserve(length, slab_bytes)), length_(length) {
    if (base_ == nullptr || front == 0) return;
    const int error = os::commit_untouched(base_, front);
    if (error == 0) return;
    os::unreserve(base_, length_);
    base_ = nullptr;
    errno = error;
}

anonymous_region::~anonymous_region() {
    if (base_ != nullptr) os::unreserve(base_, length_);
}

int anonymous_region::commit(std::size_t offset, std::size_t length) noexcept { return os::commit(base_ + offset, length); }

int anonymous_region::decommit(std::size_t offset, std::size_t length) noexcept { return os::decommit(base_ + offset, length); }

}  // namespace polder::core
