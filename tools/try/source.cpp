// SPDX-License-Identifier: Apache-2.0
#include "try/source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "support/stream_hash.hpp"

namespace tools::try_scenes {
namespace {

// Shorter files are repeated in memory first, so that messages of all sizes fit; of longer ones only the beginning is moved, so that it
// stays in the page cache and each run reads the same memory.
constexpr std::uint64_t pass_bytes_min = std::uint64_t{3} << 20;
constexpr std::uint64_t pass_bytes_max = std::uint64_t{64} << 20;

constexpr std::array<const char*, 7> defaults{"/usr/bin/perl",
                                              "/usr/bin/bash",
                                              "/usr/lib/x86_64-linux-gnu/libc.so.6",
                                              "/usr/lib/aarch64-linux-gnu/libc.so.6",
                                              "/usr/lib64/libc.so.6",
                                              "/bin/bash",
                                              "/bin/busybox"};

std::string message_of(int error_number) { return std::generic_category().message(error_number); }

/// Size of a regular file; 0 for everything else.
std::uint64_t regular_size(const char* path) {
    struct stat facts {};
    if (::stat(path, &facts) != 0 || !S_ISREG(facts.st_mode)) return 0;
    return static_cast<std::uint64_t>(facts.st_size);
}

/// A file in memory, without a name: nothing stays behind. Mapped, not malloc'ed: see child.hpp.
std::pair<int, std::byte*> memory_file(std::uint64_t size) {
    const int descriptor = ::memfd_create("polder-try", MFD_CLOEXEC);
    if (descriptor < 0) throw source_error("cannot make a file in memory: " + message_of(errno));
    void* data = MAP_FAILED;
    if (::ftruncate(descriptor, static_cast<off_t>(size)) == 0)
        data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (data == MAP_FAILED) {
        const int why = errno;
        ::close(descriptor);
        throw source_error(fmt::format("cannot make a file of {} bytes in memory: {}", size, message_of(why)));
    }
    return {descriptor, static_cast<std::byte*>(data)};
}

void read_exactly(int descriptor, void* into, std::size_t size, std::uint64_t offset, const std::string& name) {
    char* at = static_cast<char*>(into);
    while (size > 0) {
        const ssize_t got = ::pread(descriptor, at, size, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw source_error(fmt::format("cannot read '{}': {}", name, message_of(errno)));
        if (got == 0) throw source_error(fmt::format("'{}' became shorter while it was read", name));
        at += got;
        offset += static_cast<std::uint64_t>(got);
        size -= static_cast<std::size_t>(got);
    }
}

}  // namespace

source::source(const std::string& path) {
    std::string why;
    if (!path.empty()) {
        if (!open_file(path, why)) throw source_error(why);
    } else {
        std::array<std::pair<std::uint64_t, const char*>, defaults.size()> candidates;
        std::transform(defaults.begin(), defaults.end(), candidates.begin(),
                       [](const char* candidate) { return std::pair(regular_size(candidate), candidate); });
        std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
        for (const auto& [size, candidate] : candidates)
            if (descriptor_ < 0 && size > 0) open_file(candidate, why);
        if (descriptor_ < 0) use_memory(std::uint64_t{8} << 20, "generated text");
    }
    if (file_bytes_ < pass_bytes_min) repeat_small_file();
    pass_bytes_ = std::min(pass_bytes_ == 0 ? file_bytes_ : pass_bytes_, pass_bytes_max);
    hash_one_pass();
}

source::~source() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

bool source::open_file(const std::string& path, std::string& why) {
    // Non-blocking, so that a FIFO without a writer is refused instead of waited for.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        why = fmt::format("cannot open '{}': {}", path, message_of(errno));
        return false;
    }
    struct stat facts {};
    if (::fstat(descriptor, &facts) != 0)
        why = fmt::format("cannot look at '{}': {}", path, message_of(errno));
    else if (S_ISDIR(facts.st_mode))
        why = fmt::format("'{}' is a directory; name a regular file", path);
    else if (!S_ISREG(facts.st_mode))
        why = fmt::format("'{}' is not a regular file; name one with bytes to move again and again", path);
    else if (facts.st_size == 0)
        why = fmt::format("'{}' is empty; name a file with bytes to move", path);
    else {
        descriptor_ = descriptor;
        shown_ = path;
        file_bytes_ = static_cast<std::uint64_t>(facts.st_size);
        return true;
    }
    ::close(descriptor);
    return false;
}

void source::use_memory(std::uint64_t size, const char* what) {
    static constexpr std::array<std::string_view, 12> words{"water ", "dike ",   "land ",  "pump ",   "canal ", "meadow ",
                                                            "mill ",  "sluice ", "field ", "polder ", "tide\n", "sea\n"};
    const auto [descriptor, data] = memory_file(size);
    std::uint64_t random = 1;
    for (std::uint64_t at = 0; at < size;) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        const std::string_view word = words.at(static_cast<std::size_t>(random >> 33) % words.size());
        const std::uint64_t length = std::min<std::uint64_t>(word.size(), size - at);
        std::memcpy(data + at, word.data(), length);
        at += length;
    }
    ::munmap(data, size);
    descriptor_ = descriptor;
    shown_ = what;
    file_bytes_ = size;
}

void source::repeat_small_file() {
    const std::uint64_t copies = (pass_bytes_min + file_bytes_ - 1) / file_bytes_;
    const auto [descriptor, data] = memory_file(copies * file_bytes_);
    try {
        read_exactly(descriptor_, data, file_bytes_, 0, shown_);
    } catch (...) {
        ::munmap(data, copies * file_bytes_);
        ::close(descriptor);
        throw;
    }
    for (std::uint64_t copy = 1; copy < copies; ++copy) std::memcpy(data + copy * file_bytes_, data, file_bytes_);
    pass_bytes_ = copies * file_bytes_;
    ::munmap(data, pass_bytes_);
    ::close(std::exchange(descriptor_, descriptor));
}

void source::hash_one_pass() {
    std::array<std::byte, std::size_t{16} << 10> piece{};
    stream_hash hash;
    for (std::uint64_t at = 0; at < pass_bytes_;) {
        const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), pass_bytes_ - at));
        read_exactly(descriptor_, piece.data(), length, at, shown_);
        hash.add(piece.data(), length);
        at += length;
    }
    hash_ = hash.value();
}

}  // namespace tools::try_scenes
