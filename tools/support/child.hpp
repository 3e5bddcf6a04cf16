// SPDX-License-Identifier: Apache-2.0
//
// Runs a function in a forked child, so that its page faults, its peak memory, its allocator and its crashes are its own.
//
// The child inherits the parent's heap: the parent must stay single-threaded and must not map large blocks through malloc, which
// would teach glibc other thresholds than a fresh program has. A child dies with its parent, however that one ends, and leaves no
// core file.
#pragma once

#include <chrono>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace tools {

/// How a child ended and what it left.
struct child_outcome {
    std::string output;  ///< what it wrote to its result descriptor
    std::string errors;  ///< what it wrote to standard error
    int exit_code = -1;  ///< -1 when a signal ended it
    int signal = 0;
    bool timed_out = false;  ///< ended by us, after `limit`

    bool succeeded() const noexcept { return exit_code == 0; }
    /// Why it did not succeed, in words.
    std::string explain() const;
};

/// Ctrl-C, SIGTERM and SIGHUP first end the child that is running, then this process, by the same signal.
void install_interrupt_handlers();

/// Runs `body` in a child, with a descriptor for results; an exception becomes exit code 3 with its text on standard error.
/// Throws std::system_error when no child can be made.
child_outcome run_child(const std::function<void(int result_fd)>& body, std::chrono::seconds limit);

/// Writes all of it; throws std::system_error.
void write_all(int fd, const void* data, std::size_t size);

/// What `body` returns in a child. Throws std::runtime_error with the child's own words when it fails.
template <class Body>
auto measure_in_child(Body body, std::chrono::seconds limit) {
    using result = std::invoke_result_t<Body>;
    static_assert(std::is_trivially_copyable_v<result>, "the result travels through a pipe as bytes");
    const child_outcome outcome = run_child(
        [&](int result_fd) {
            const result value = body();
            write_all(result_fd, &value, sizeof value);
        },
        limit);
    if (!outcome.succeeded()) throw std::runtime_error(outcome.explain());
    if (outcome.output.size() != sizeof(result)) throw std::runtime_error("the child sent a result of the wrong size");
    result value;
    std::memcpy(&value, outcome.output.data(), sizeof value);
    return value;
}

}  // namespace tools
