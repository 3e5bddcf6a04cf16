// SPDX-License-Identifier: Apache-2.0
//
// System calls that fail when a test wants them to: the k-th one, or it and all that follow. One plan for the process, so tests
// that use it do not run threads of other tests beside them.
//
//     fault_injection faults({.at = 3, .for_ever = true});
//     …
//     EXPECT_GT(faults.injected(), 0u);
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "polder/os/virtual_memory.hpp"

namespace polder::test {

class fault_injection {
public:
    struct plan {
        std::uint64_t at = 1;   ///< the first call that fails, counted from 1; 0 = none, calls are counted only
        bool for_ever = false;  ///< and all calls behind it
        int error = ENOMEM;
        const char* verb = nullptr;  ///< calls of this verb only
    };

    explicit fault_injection(const plan& wanted) noexcept {
        state().wanted = wanted;
        state().calls = 0;
        state().injected = 0;
        os::set_fault_plan(&asked);
    }
    ~fault_injection() { stop(); }
    fault_injection(const fault_injection&) = delete;
    fault_injection& operator=(const fault_injection&) = delete;

    void stop() noexcept { os::set_fault_plan(nullptr); }
    std::uint64_t calls() const noexcept { return state().calls; }
    std::uint64_t injected() const noexcept { return state().injected; }

private:
    struct shared_state {
        plan wanted{};
        std::atomic<std::uint64_t> calls{0};
        std::atomic<std::uint64_t> injected{0};
    };
    static shared_state& state() noexcept {
        static shared_state value;
        return value;
    }
    static int asked(const char* verb) noexcept {
        shared_state& s = state();
        if (s.wanted.verb != nullptr && std::string_view(s.wanted.verb) != verb) return 0;
        const std::uint64_t call = ++s.calls;
        const bool fails = s.wanted.at != 0 && (s.wanted.for_ever ? call >= s.wanted.at : call == s.wanted.at);
        if (!fails) return 0;
        ++s.injected;
        return s.wanted.error;
    }
};

}  // namespace polder::test
