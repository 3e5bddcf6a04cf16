// SPDX-License-Identifier: Apache-2.0
//
// Sizes in bytes: literals, arithmetic that says when it overflows, and text a person can read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace polder {

inline namespace literals {
constexpr std::size_t operator""_KiB(unsigned long long n) noexcept { return static_cast<std::size_t>(n) << 10; }
constexpr std::size_t operator""_MiB(unsigned long long n) noexcept { return static_cast<std::size_t>(n) << 20; }
constexpr std::size_t operator""_GiB(unsigned long long n) noexcept { return static_cast<std::size_t>(n) << 30; }
}  // namespace literals

/// `a + b`, or nothing when the sum does not fit.
constexpr std::optional<std::size_t> checked_add(std::size_t a, std::size_t b) noexcept {
    std::size_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
    return sum;
}

/// `a * b`, or nothing when the product does not fit.
constexpr std::optional<std::size_t> checked_multiply(std::size_t a, std::size_t b) noexcept {
    std::size_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
    return product;
}

/// "1536 bytes" becomes "1.5 KiB (1536 bytes)"; whole units carry no bracket ("4 MiB"). For messages, never for parsing.
std::string format_bytes(std::size_t n);

}  // namespace polder
