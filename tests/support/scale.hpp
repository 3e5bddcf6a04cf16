// SPDX-License-Identifier: Apache-2.0
//
// How much work a test does: POLDER_TEST_SCALE = small (valgrind, emulators) | normal (default) | long (nightly).
#pragma once

#include <cstdlib>
#include <string_view>

namespace polder::test {

enum class scale { small, normal, large };

inline scale current_scale() noexcept {
    static const scale value = [] {
        const char* text = std::getenv("POLDER_TEST_SCALE");
        const std::string_view wish = text == nullptr ? "" : text;
        if (wish == "small") return scale::small;
        if (wish == "long") return scale::large;
        return scale::normal;
    }();
    return value;
}

/// The number for the current scale.
template <typename T>
constexpr T scaled(T small, T normal, T large) noexcept {
    switch (current_scale()) {
        case scale::small:
            return small;
        case scale::large:
            return large;
        case scale::normal:
            break;
    }
    return normal;
}

/// The same with a rule of thumb: a 20th when small, ten times as much when long, never 0.
inline std::size_t scaled(std::size_t normal) noexcept { return scaled<std::size_t>(normal / 20 + 1, normal, normal * 10); }

/// True in builds with ThreadSanitizer or AddressSanitizer: numbers about resident memory mean nothing there.
constexpr bool sanitized() noexcept {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

/// True where fork() of a process with threads is not to be tried.
constexpr bool thread_sanitized() noexcept {
#if defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
    return true;
#else
    return false;
#endif
#else
    return false;
#endif
}

}  // namespace polder::test
