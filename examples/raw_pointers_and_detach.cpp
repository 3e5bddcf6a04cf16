// SPDX-License-Identifier: Apache-2.0
//
// Where a C interface stands in between: a buffer becomes a plain value and comes back, or lives as a raw pointer.
#include <polder/polder.hpp>

#include <cstdint>
#include <cstring>
#include <string>

#include "check.hpp"

namespace {

/// A C library that keeps one request with a pointer of ours and calls us back.
struct c_request {
    void (*done)(void* user);
    void* user;
};
void c_library_finish(const c_request& request) { request.done(request.user); }

struct pending {
    polder::buffer_pool* pool;
    polder::detached_buffer bytes;
};

void through_a_callback() {
    polder::buffer_pool pool({.name = "callbacks"});
    polder::buffer b = pool.acquire(4096);
    std::memset(b.data(), 42, b.size());

    pending waiting{&pool, b.detach()};  // `b` is empty; whoever has the value must bring it back
    check(!b && pool.stats().buffers_in_use == 1);

    c_library_finish({[](void* user) {
                          auto& mine = *static_cast<pending*>(user);
                          polder::buffer back = mine.pool->attach(mine.bytes);
                          check(back.size() == 4096 && back.data()[4095] == std::byte{42});
                      },
                      &waiting});
    check(pool.stats().buffers_in_use == 0);
}

std::string caught;

void a_value_used_twice() {
    polder::buffer_pool pool({.name = "callbacks"});
    const polder::detached_buffer value = pool.acquire(100).detach();
    pool.attach(value).reset();

    // The default handler prints and aborts. A handler that returns makes the wrong call do nothing.
    const auto before = polder::set_violation_handler([](const polder::violation& what) { caught = to_string(what.kind); });
    check(!pool.attach(value));
    polder::set_violation_handler(before);
    check(caught == "double_release");
}

void raw_pointers() {
    polder::buffer_pool pool({.name = "raw"});
    void* const p = pool.allocate(1000);  // aligned to 64, or as the second argument says
    check(pool.owns(p) && reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
    std::memset(p, 1, 1000);
    pool.deallocate(p, 1000);  // the size is checked; without it, only the pointer is
    pool.deallocate(nullptr);  // ignored, as free(nullptr) is
    check(pool.stats().buffers_in_use == 0);
}

}  // namespace

int main() {
    through_a_callback();
    a_value_used_twice();
    raw_pointers();
}
