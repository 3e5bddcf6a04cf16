// SPDX-License-Identifier: Apache-2.0
//
// A region is the home of an arena: one range of addresses whose parts can be given memory and lose it again. Anonymous memory
// is one; a mapped file is another. The arena asks for nothing else, and keeps only offsets inside the region.
#pragma once

#include <cstddef>

namespace polder::core {

/// All offsets and lengths are multiples of the page size and inside the region. The verbs have the meanings of
/// os/virtual_memory.hpp; each returns 0 or an errno and, when it fails, changed nothing. They are called on slow paths only.
class region {
public:
    region() = default;
    region(const region&) = delete;
    region& operator=(const region&) = delete;
    virtual ~region() = default;

    /// First byte, aligned to a slab. The same for the life of the object.
    virtual std::byte* base() const noexcept = 0;
    /// Length in bytes.
    virtual std::size_t bytes() const noexcept = 0;
    /// The range may be touched; where it was never committed it reads as zero.
    [[nodiscard]] virtual int commit(std::size_t offset, std::size_t length) noexcept = 0;
    /// The contents are gone, the memory is the system's; reads as zero afterwards.
    virtual int decommit(std::size_t offset, std::size_t length) noexcept = 0;
    /// Several processes use the region at once: caches may be drained only by running on their CPU.
    virtual bool is_shared() const noexcept = 0;
};

/// Private memory of this process; gone with the object.
class anonymous_region final : public region {
public:
    /// Reserves `length` bytes and commits the first `front` of them; `base()` is nullptr, and errno set, when the system refuses.
    explicit anonymous_region(std::size_t length, std::size_t front = 0) noexcept;
    ~anonymous_region() override;

    std::byte* base() const noexcept override { return base_; }
    std::size_t bytes() const noexcept override { return length_; }
    [[nodiscard]] int commit(std::size_t offset, std::size_t length) noexcept override;
    int decommit(std::size_t offset, std::size_t length) noexcept override;
    bool is_shared() const noexcept override { return false; }

private:
    std::byte* base_;
    std::size_t length_;
};

}  // namespace polder::core
