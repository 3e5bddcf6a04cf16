// SPDX-License-Identifier: Apache-2.0
//
// Misuse, made on purpose: each kind is noticed, described, and changes nothing. The handler here prints and goes on; the default one
// prints and aborts.
#include <polder/polder.hpp>

#include <cstdio>
#include <string>
#include <vector>

#include "check.hpp"

using namespace polder::literals;

namespace {

int noticed = 0;

void print_and_go_on(const polder::violation& what) {
    std::puts(polder::describe(what).c_str());
    ++noticed;
}

void raw_pointers(polder::buffer_pool& orders, polder::buffer_pool& images) {
    auto* const p = static_cast<char*>(orders.allocate(1000));
    char not_ours = 0;
    orders.deallocate(p, 999);     // wrong_size
    orders.deallocate(p + 8);      // interior_pointer
    orders.deallocate(&not_ours);  // foreign_pointer
    images.deallocate(p);          // wrong_pool
    check(noticed == 4);
    orders.deallocate(p);  // right
    orders.deallocate(p);  // double_release
    check(noticed == 5);
}

void stale_value(polder::buffer_pool& orders) {
    const polder::detached_buffer value = orders.acquire(3000).detach();
    orders.attach(value).reset();  // right: the slot goes home …
    std::vector<polder::buffer> others;
    do {  // … and somebody else gets it
        others.push_back(orders.acquire(3000));
    } while (others.back().slot() != value.slot);
    check(!orders.attach(value));  // stale_handle
    check(noticed == 6);
}

}  // namespace

int main() {
    polder::set_violation_handler(print_and_go_on);
    polder::buffer_pool orders({.name = "orders", .committed_bytes_max = 1_MiB});
    polder::buffer_pool images({.name = "images"});
    raw_pointers(orders, images);
    stale_value(orders);
    check(orders.stats().buffers_in_use == 0);
}
