// SPDX-License-Identifier: Apache-2.0
//
// What a stranger writes on the first day. Built by each project in the folders beside this file.
#include <polder/pools/buffer_pool.hpp>

#include <cstdio>
#include <cstring>

int main() {
    polder::buffer_pool pool;
    auto buffer = pool.acquire(2000);
    if (buffer.size() != 2000 || buffer.capacity() < 2000) return 1;
    std::memset(buffer.data(), 7, buffer.size());
    buffer.reset();
    std::puts("acquired 2000 bytes and gave them back");
}
