// SPDX-License-Identifier: Apache-2.0
//
// Random numbers whose sequence can be had again: POLDER_TEST_SEED sets the seed, and each test that failed prints the one it had.
//
//     polder::test::random random;                      // one per thread: random::for_thread(i)
//     const auto size = random.log_uniform(1, 4_MiB);
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace polder::test {

/// The seed of this process: from the environment, else drawn once. Printed at its first use, so that a crash tells it too.
inline std::uint64_t process_seed() {
    static const std::uint64_t seed = [] {
        std::uint64_t value = 0;
        if (const char* text = std::getenv("POLDER_TEST_SEED"); text != nullptr && *text != '\0') {
            value = std::strtoull(text, nullptr, 0);
        } else {
            std::random_device device;
            value = (std::uint64_t{device()} << 32) ^ device();
        }
        std::fprintf(stderr, "[     SEED ] POLDER_TEST_SEED=%llu\n", static_cast<unsigned long long>(value));
        return value;
    }();
    return seed;
}

/// xoshiro256** (Blackman & Vigna), seeded by splitmix64. A UniformRandomBitGenerator. Not thread-safe.
class random {
public:
    using result_type = std::uint64_t;

    random() : random(process_seed()) {}
    explicit random(std::uint64_t seed) noexcept {
        for (auto& word : state_) word = split_mix(seed);
    }
    ~random() {
        if (is_root_ && ::testing::Test::HasFailure())
            std::fprintf(stderr, "[     SEED ] to repeat: POLDER_TEST_SEED=%llu\n",
                         static_cast<unsigned long long>(process_seed()));
    }
    random(const random& other) noexcept = default;
    random& operator=(const random& other) noexcept = default;

    /// A generator for another thread; its sequence depends on the seed and `number` only.
    static random for_thread(std::uint64_t number) {
        random made(process_seed() ^ (number + 1) * 0xd1342543de82ef95ULL);
        made.is_root_ = false;
        return made;
    }

    static constexpr std::uint64_t min() noexcept { return 0; }
    static constexpr std::uint64_t max() noexcept { return ~std::uint64_t{0}; }

    std::uint64_t operator()() noexcept {
        const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
        const std::uint64_t t = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= t;
        state_[3] = std::rotl(state_[3], 45);
        return result;
    }

    /// 0 … n − 1; n is not 0.
    std::uint64_t below(std::uint64_t n) noexcept { return (*this)() % n; }
    /// low … high, both included.
    std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept { return low + below(high - low + 1); }
    bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }
    /// low … high, each doubling as likely as any other; low is not 0.
    std::size_t log_uniform(std::size_t low, std::size_t high) noexcept {
        const auto bits = static_cast<std::uint64_t>(std::bit_width(high / low));
        const std::size_t floor = low << below(bits);
        const std::size_t top = floor <= high / 2 ? floor * 2 - 1 : high;
        return between(floor, top);
    }

private:
    static std::uint64_t split_mix(std::uint64_t& x) noexcept {
        std::uint64_t z = x += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }

    std::uint64_t state_[4]{};
    bool is_root_ = true;
};

}  // namespace polder::test
