// SPDX-License-Identifier: Apache-2.0
//
// A piece of a test in a child of its own: for limits, signals, forks and deaths. The child leaves by _exit, so neither gtest nor
// static destructors run in it twice; what it wrote to standard error is returned.
//
//     const auto ended = in_child([] { return works() ? 0 : 1; });
//     EXPECT_TRUE(ended.exited_with(0)) << ended.text;
#pragma once

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace polder::test {

struct child_result {
    int status = -1;   ///< as from waitpid
    std::string text;  ///< standard error

    bool exited_with(int code) const noexcept { return WIFEXITED(status) && WEXITSTATUS(status) == code; }
    bool killed_by(int signal) const noexcept { return WIFSIGNALED(status) && WTERMSIG(status) == signal; }
};

/// Waits for a child that the test forked itself.
inline int wait_for(pid_t pid) noexcept {
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/// Runs `work`, which returns an exit code, in a forked child.
template <typename Work>
child_result in_child(Work work) {
    child_result result;
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return result;
    std::fflush(nullptr);
    const pid_t pid = fork();
    if (pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return result;
    }
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        int code = 99;
        try {
            code = work();
        } catch (...) {
            std::fputs("the child threw\n", stderr);
        }
        std::fflush(nullptr);
        _exit(code);
    }
    close(ends[1]);
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t got = read(ends[0], part.data(), part.size());
        if (got > 0)
            result.text.append(part.data(), static_cast<std::size_t>(got));
        else if (got == 0 || errno != EINTR)
            break;
    }
    close(ends[0]);
    result.status = wait_for(pid);
    return result;
}

}  // namespace polder::test
