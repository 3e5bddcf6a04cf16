// SPDX-License-Identifier: Apache-2.0
//
// The bytes that the pipeline moves: the user's file, one that every Debian has, or generated text.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace tools::try_scenes {

/// The file cannot be used, and why. The message names it.
struct source_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// An open file and how much of it is moved again and again. Owns the descriptor.
class source {
public:
    /// An empty path picks a default. Throws source_error.
    explicit source(const std::string& path);
    ~source();
    source(const source&) = delete;
    source& operator=(const source&) = delete;

    int descriptor() const noexcept { return descriptor_; }
    const std::string& shown() const noexcept { return shown_; }       ///< its path, or what it is
    std::uint64_t file_bytes() const noexcept { return file_bytes_; }  ///< of the file as it is
    std::uint64_t pass_bytes() const noexcept { return pass_bytes_; }  ///< that one pass moves
    std::uint64_t hash() const noexcept { return hash_; }              ///< XXH64 of one pass

private:
    bool open_file(const std::string& path, std::string& why);
    void use_memory(std::uint64_t size, const char* what);
    void repeat_small_file();
    void hash_one_pass();

    int descriptor_ = -1;
    std::string shown_;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t pass_bytes_ = 0;
    std::uint64_t hash_ = 0;
};

}  // namespace tools::try_scenes
