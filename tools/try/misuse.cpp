// SPDX-License-Identifier: Apache-2.0
#include "try/misuse.hpp"

#include <polder/base/error.hpp>
#include <polder/base/units.hpp>
#include <polder/pools/buffer_pool.hpp>

#include <csignal>
#include <exception>
#include <string>
#include <vector>

#include "support/child.hpp"

namespace tools::try_scenes {
namespace {

using namespace polder::literals;

constexpr auto run_limit = std::chrono::seconds(20);

std::string without_last_newline(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

bool mentions(const std::string& text, const char* word) { return text.find(word) != std::string::npos; }

/// Gives a buffer back twice. The default handler prints its report and aborts; getting to the end is the failure.
void release_twice(fault made) {
    polder::buffer_pool orders({.name = "orders"});
    void* const request = orders.allocate(4_KiB);
    orders.deallocate(request);
    if (made != fault::silent_misuse) orders.deallocate(request);
}

/// Keeps what it should give back until the pool says no; writes what it says. Throws when it never does or breaks.
void fill_up(int result_fd, fault made) {
    polder::buffer_pool uploads({.name = "uploads", .committed_bytes_max = 8_MiB});
    std::vector<polder::buffer> sessions;
    for (int i = 0; i < 3; ++i) sessions.push_back(uploads.acquire(2_KiB));
    std::vector<polder::buffer> forgotten;
    try {
        for (int i = 0; i < 1000; ++i) {
            forgotten.push_back(uploads.acquire(64_KiB));
            if (made == fault::silent_misuse) forgotten.clear();
        }
    } catch (const polder::exhausted& refusal) {
        if (refusal.details().holders.empty()) throw std::runtime_error("the refusal names no holder");
        const std::string text = refusal.what();
        forgotten.pop_back();
        forgotten.push_back(uploads.acquire(64_KiB));  // throws when the pool does not work on
        write_all(result_fd, text.data(), text.size());
        return;
    }
    throw std::runtime_error("a pool with a limit of 8 MiB gave out 1000 buffers of 64 KiB");
}

}  // namespace

misuse_scene show_misuse(fault made, progress& line) {
    misuse_scene scene;
    line.show("misuse: a double release");
    try {
        const child_outcome twice = run_child([&](int) { release_twice(made); }, run_limit);
        scene.double_release_caught = twice.signal == SIGABRT && mentions(twice.errors, "double_release") &&
                                      mentions(twice.errors, "orders") && mentions(twice.errors, "slot");
        scene.double_release_report = scene.double_release_caught ? without_last_newline(twice.errors) : twice.explain();
    } catch (const std::exception& failure) {
        scene.double_release_report = failure.what();
    }
    line.show("misuse: a pool at its limit");
    try {
        const child_outcome full = run_child([&](int result_fd) { fill_up(result_fd, made); }, run_limit);
        scene.exhausted_caught = full.succeeded() && mentions(full.output, "uploads") && mentions(full.output, "8 MiB") &&
                                 mentions(full.output, "64 KiB");
        scene.exhausted_report = full.succeeded() ? without_last_newline(full.output) : full.explain();
    } catch (const std::exception& failure) {
        scene.exhausted_report = failure.what();
    }
    return scene;
}

}  // namespace tools::try_scenes
