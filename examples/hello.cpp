// SPDX-License-Identifier: Apache-2.0
//
// The ten lines of README: acquire, fill, hand to another thread, which gives back.
#include <polder/polder.hpp>

#include <cstring>
#include <thread>

int main() {
    polder::buffer_pool pool({.name = "messages"});
    polder::buffer message = pool.acquire(2000);  // 2,000 bytes, aligned to 64, not zeroed
    std::memcpy(message.data(), "hello", 5);
    message.resize(5);  // in place, up to message.capacity()

    std::thread worker([mine = std::move(message)] { /* … */ });  // the handle moves, the bytes stay
    worker.join();                                                // gone home on the worker's thread
    return pool.stats().buffers_in_use == 0 ? 0 : 1;
}
