// SPDX-License-Identifier: Apache-2.0
#include "try/machine.hpp"

#include <polder/base/config.hpp>
#include <polder/pools/buffer_pool.hpp>

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <fstream>
#include <thread>

#include "support/child.hpp"
#include "support/numbers.hpp"

namespace tools::try_scenes {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

#if defined(__OPTIMIZE__)
constexpr bool optimised = true;
#else
constexpr bool optimised = false;
#endif

std::string first_line_of(const char* path) {
    std::string line;
    std::ifstream file(path);
    std::getline(file, line);
    return line;
}

std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown processor";
}

/// "always [madvise] never" becomes "madvise".
std::string chosen_of(const std::string& setting) {
    const std::size_t open = setting.find('[');
    const std::size_t close = setting.find(']');
    if (open == std::string::npos || close == std::string::npos) return "unknown";
    return setting.substr(open + 1, close - open - 1);
}

unsigned usable_cpus() {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) return static_cast<unsigned>(CPU_COUNT(&allowed));
    return std::thread::hardware_concurrency();
}

/// In a child: the parent makes no pool, so that the children inherit none.
std::string status_of_caches() {
    const child_outcome outcome = run_child(
        [](int result_fd) {
            const polder::buffer_pool pool({.name = "question"});
            const std::string status = pool.cache_status();
            write_all(result_fd, status.data(), status.size());
        },
        std::chrono::seconds(20));
    return outcome.succeeded() ? outcome.output : "unknown: " + outcome.explain();
}

double time_of_clock() {
    using clock = std::chrono::steady_clock;
    std::vector<double> times;
    for (int i = 0; i < 21; ++i) {
        constexpr int readings = 1000;
        const auto start = clock::now();
        for (int reading = 0; reading < readings; ++reading) [[maybe_unused]] const auto now = clock::now();
        times.push_back(std::chrono::duration<double, std::nano>(clock::now() - start).count() / readings);
    }
    return median(times);
}

}  // namespace

machine_facts look_at_machine() {
    machine_facts facts;
    facts.cpu = cpu_model();
    facts.cpus = usable_cpus();
    facts.memory_bytes =
        static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    utsname system{};
    if (::uname(&system) == 0) facts.kernel = fmt::format("{} {}", system.sysname, system.release);
    facts.libc = fmt::format("glibc {}", ::gnu_get_libc_version());
#if defined(__clang__)
    facts.compiler = "clang " __clang_version__;
#else
    facts.compiler = "gcc " __VERSION__;
#endif
    facts.huge_pages = chosen_of(first_line_of("/sys/kernel/mm/transparent_hugepage/enabled"));
    try {
        facts.cache_status = status_of_caches();
    } catch (const std::exception& failure) {
        facts.cache_status = fmt::format("unknown: {}", failure.what());
    }
    facts.clock_ns = time_of_clock();
    facts.sanitized = sanitized;
    facts.instrumented = sanitized || !optimised || POLDER_CHECKED != 0;
    return facts;
}

}  // namespace tools::try_scenes
