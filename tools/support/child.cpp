// SPDX-License-Identifier: Apache-2.0
#include "support/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

namespace tools {
namespace {

constexpr int exit_by_exception = 3;
constexpr std::array<int, 3> interrupts{SIGINT, SIGTERM, SIGHUP};

// Written with the interrupts blocked, read by their handler.
volatile pid_t running_child = 0;

extern "C" void on_interrupt(int signal_number) {
    if (running_child > 0) ::kill(running_child, SIGKILL);
    if (::isatty(STDERR_FILENO) == 1) {
        constexpr char clear_line[] = "\r\x1b[K";
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, clear_line, sizeof clear_line - 1);
    }
    std::signal(signal_number, SIG_DFL);  // delivered again on return, and then final
    std::raise(signal_number);
}

/// Blocks the interrupts while the child's number is not known yet, or no longer true.
class interrupts_blocked {
public:
    interrupts_blocked() {
        sigset_t set;
        sigemptyset(&set);
        for (const int signal_number : interrupts) sigaddset(&set, signal_number);
        sigprocmask(SIG_BLOCK, &set, &before_);
    }
    ~interrupts_blocked() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
    interrupts_blocked(const interrupts_blocked&) = delete;
    interrupts_blocked& operator=(const interrupts_blocked&) = delete;

private:
    sigset_t before_{};
};

struct pipe_ends {
    int read = -1;
    int write = -1;
    pipe_ends() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
        read = ends[0];
        write = ends[1];
    }
    ~pipe_ends() {
        close_write();
        ::close(read);
    }
    pipe_ends(const pipe_ends&) = delete;
    pipe_ends& operator=(const pipe_ends&) = delete;
    void close_write() {
        if (write >= 0) ::close(write);
        write = -1;
    }
};

[[noreturn]] void be_child(const std::function<void(int)>& body, pid_t parent, int result_fd, int error_fd) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(exit_by_exception);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::prctl(PR_SET_DUMPABLE, 0);  // a core_pattern that is a program ignores the limit
    for (const int signal_number : interrupts) std::signal(signal_number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(error_fd, STDERR_FILENO);
    int code = 0;
    try {
        body(result_fd);
    } catch (const std::exception& failure) {
        fmt::print(stderr, "{}\n", failure.what());
        code = exit_by_exception;
    }
    std::fflush(stderr);
    ::_exit(code);  // no destructors of the parent's objects, no second flush of its output
}

/// Reads both pipes to their ends. False when the time ran out before.
bool read_both(child_outcome& outcome, int result_fd, int error_fd, std::chrono::steady_clock::time_point deadline) {
    std::array<pollfd, 2> ends{pollfd{result_fd, POLLIN, 0}, pollfd{error_fd, POLLIN, 0}};
    const std::array<std::string*, 2> texts{&outcome.output, &outcome.errors};
    std::array<char, 4096> piece{};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        const auto left = deadline - std::chrono::steady_clock::now();
        const auto left_ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
        if (left_ms <= 0) return false;
        const int ready = ::poll(ends.data(), ends.size(), static_cast<int>(left_ms));
        if (ready < 0 && errno != EINTR) return false;
        if (ready <= 0) continue;
        for (std::size_t i = 0; i < ends.size(); ++i) {
            if (ends.at(i).revents == 0) continue;
            const ssize_t got = ::read(ends.at(i).fd, piece.data(), piece.size());
            if (got > 0)
                texts.at(i)->append(piece.data(), static_cast<std::size_t>(got));
            else if (got == 0 || errno != EINTR)
                ends.at(i).fd = -1;  // poll ignores it from now on
        }
    }
    return true;
}

}  // namespace

std::string child_outcome::explain() const {
    std::string text = errors;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (timed_out) return "it did not finish in time and was ended" + (text.empty() ? "" : ": " + text);
    if (signal != 0)
        return fmt::format("it was ended by signal {} ({}){}", signal, ::strsignal(signal), text.empty() ? "" : ": " + text);
    if (exit_code == exit_by_exception && !text.empty()) return text;
    return fmt::format("it ended with exit code {}{}", exit_code, text.empty() ? "" : ": " + text);
}

void install_interrupt_handlers() {
    for (const int signal_number : interrupts) {
        struct sigaction before {};
        ::sigaction(signal_number, nullptr, &before);
        if (before.sa_handler == SIG_IGN) continue;  // nohup
        struct sigaction action {};
        action.sa_handler = on_interrupt;
        ::sigaction(signal_number, &action, nullptr);
    }
}

void write_all(int fd, const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t written = ::write(fd, at, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) throw std::system_error(errno, std::generic_category(), "write");
        at += written;
        size -= static_cast<std::size_t>(written);
    }
}

child_outcome run_child(const std::function<void(int)>& body, std::chrono::seconds limit) {
    pipe_ends results;
    pipe_ends errors;
    std::fflush(nullptr);
    const pid_t parent = ::getpid();
    pid_t child = 0;
    {
        const interrupts_blocked guard;
        child = ::fork();
        if (child == 0) be_child(body, parent, results.write, errors.write);
        if (child < 0) throw std::system_error(errno, std::generic_category(), "cannot make a child process");
        running_child = child;
    }
    results.close_write();
    errors.close_write();

    child_outcome outcome;
    outcome.timed_out = !read_both(outcome, results.read, errors.read, std::chrono::steady_clock::now() + limit);
    const interrupts_blocked guard;
    if (outcome.timed_out) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    running_child = 0;
    if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
    if (WIFEXITED(status)) outcome.exit_code = WEXITSTATUS(status);
    return outcome;
}

}  // namespace tools
