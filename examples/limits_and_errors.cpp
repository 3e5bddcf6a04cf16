// SPDX-License-Identifier: Apache-2.0
//
// What a pool says when it cannot: four kinds of error, each with numbers, and none that leaves a trace in the pool.
#include <polder/polder.hpp>

#include <cstdint>
#include <cstdio>
#include <vector>

#include "check.hpp"

using namespace polder::literals;

namespace {

/// Runs `what`, prints the text of its error, and returns the code; none when nothing was thrown.
template <class What>
std::error_code error_of(What&& what) {
    try {
        what();
    } catch (const polder::error& error) {
        std::puts(dynamic_cast<const std::exception&>(error).what());
        return error.code();
    }
    return {};
}

void full_pool() {
    polder::buffer_pool pool({.name = "images", .committed_bytes_max = 8_MiB});
    std::vector<polder::buffer> held;
    for (int i = 0; i != 8; ++i) held.push_back(pool.acquire(1_MiB));

    try {
        held.push_back(pool.acquire(1_MiB));
        check(false);
    } catch (const polder::exhausted& error) {  // a limit of ours; the system's refusal is out_of_memory
        std::puts(error.what());
        check(error.details().limit_bytes == 8_MiB);
        check(error.details().setting == "committed_bytes_max");
        check(error.details().holders.front().buffers == 8);
    }

    std::error_code error;
    polder::buffer none = pool.try_acquire(1_MiB, error);  // the same without exceptions
    check(!none && error == polder::errc::exhausted);

    held.pop_back();  // one comes home, and the next acquire succeeds
    held.push_back(pool.acquire(1_MiB));
    check(pool.stats().exhausted == 2 && pool.stats().buffers_in_use == 8);
}

void wrong_requests() {
    polder::buffer_pool pool({.name = "images", .committed_bytes_max = 8_MiB});
    check(error_of([&] { pool.acquire(0); }) == polder::errc::invalid_size);
    check(error_of([&] { pool.acquire(9_MiB); }) == polder::errc::invalid_size);
    check(error_of([&] { pool.acquire(SIZE_MAX); }) == polder::errc::invalid_size);
    check(error_of([&] { pool.acquire(100, 48); }) == polder::errc::invalid_alignment);
    check(pool.stats().committed_bytes == 0);
}

void wrong_options() {
    const auto make = [](polder::buffer_pool_options options) { return [options] { polder::buffer_pool{options}; }; };
    check(error_of(make({.name = "images", .tiers = {4096, 2048}})) == polder::errc::invalid_option);
    check(error_of(make({.name = "images", .tiers = {100}})) == polder::errc::invalid_option);
    check(error_of(make({.name = "images", .committed_bytes_max = 0})) == polder::errc::invalid_option);
}

}  // namespace

int main() {
    full_pool();
    wrong_requests();
    wrong_options();
}
