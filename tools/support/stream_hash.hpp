// SPDX-License-Identifier: Apache-2.0
//
// XXH64 (Yann Collet's public description), fed in pieces of any size: the same bytes give the same value however they were cut.
// It stands for "the same bytes" in the pipeline: several bytes per cycle, so that it does not hide what is measured.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tools {

class stream_hash {
public:
    void add(const void* data, std::size_t size) noexcept {
        const auto* at = static_cast<const unsigned char*>(data);
        total_ += size;
        if (pending_ > 0) {
            const std::size_t taken = std::min(size, stripe - pending_);
            std::memcpy(rest_.data() + pending_, at, taken);
            pending_ += taken;
            at += taken;
            size -= taken;
            if (pending_ < stripe) return;
            take_stripe(rest_.data());
            pending_ = 0;
        }
        for (; size >= stripe; at += stripe, size -= stripe) take_stripe(at);
        if (size > 0) std::memcpy(rest_.data(), at, size);
        pending_ = size;
    }

    std::uint64_t value() const noexcept {
        std::uint64_t hash = prime5;
        if (total_ >= stripe) {
            hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) + std::rotl(lanes_[3], 18);
            for (const std::uint64_t lane : lanes_) hash = (hash ^ round(0, lane)) * prime1 + prime4;
        }
        hash += total_;
        const unsigned char* at = rest_.data();
        std::size_t left = pending_;
        for (; left >= 8; at += 8, left -= 8) hash = std::rotl(hash ^ round(0, load<std::uint64_t>(at)), 27) * prime1 + prime4;
        for (; left >= 4; at += 4, left -= 4) hash = std::rotl(hash ^ (load<std::uint32_t>(at) * prime1), 23) * prime2 + prime3;
        for (; left > 0; ++at, --left) hash = std::rotl(hash ^ (*at * prime5), 11) * prime1;
        hash = (hash ^ (hash >> 33)) * prime2;
        hash = (hash ^ (hash >> 29)) * prime3;
        return hash ^ (hash >> 32);
    }

    std::uint64_t total_bytes() const noexcept { return total_; }

private:
    static constexpr std::size_t stripe = 32;
    static constexpr std::uint64_t prime1 = 0x9E3779B185EBCA87, prime2 = 0xC2B2AE3D27D4EB4F, prime3 = 0x165667B19E3779F9,
                                   prime4 = 0x85EBCA77C2B2AE63, prime5 = 0x27D4EB2F165667C5;

    template <class Word>
    static std::uint64_t load(const unsigned char* at) noexcept {
        Word word;
        std::memcpy(&word, at, sizeof word);
        return word;
    }
    static std::uint64_t round(std::uint64_t lane, std::uint64_t input) noexcept {
        return std::rotl(lane + input * prime2, 31) * prime1;
    }
    void take_stripe(const unsigned char* at) noexcept {
        for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i] = round(lanes_[i], load<std::uint64_t>(at + i * 8));
    }

    std::array<std::uint64_t, 4> lanes_{prime1 + prime2, prime2, 0, 0 - prime1};
    std::array<unsigned char, stripe> rest_{};
    std::size_t pending_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace tools
