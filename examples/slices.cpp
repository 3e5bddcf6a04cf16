// SPDX-License-Identifier: Apache-2.0
//
// One message, several owners: a header and a body that share the bytes they arrived in, and a tail that is cut off.
#include <polder/polder.hpp>

#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "check.hpp"

namespace {

std::string_view text(const polder::buffer& b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

polder::buffer receive(polder::buffer_pool& pool, std::string_view bytes) {
    polder::buffer b = pool.acquire(bytes.size());
    std::memcpy(b.data(), bytes.data(), bytes.size());
    return b;
}

void share_a_message() {
    polder::buffer_pool pool({.name = "slices"});
    polder::buffer message = receive(pool, "GET / body of the message");

    polder::buffer header = message.slice(0, 5);  // the same memory, one more owner
    polder::buffer body = message.slice(6, message.size() - 6);
    check(body.data() == message.data() + 6);
    check(!message.is_unique() && header.capacity() == 5);

    message.reset();  // the slot stays: two owners are left
    check(text(header) == "GET /");
    std::thread([mine = std::move(body)] { check(text(mine) == "body of the message"); }).join();
    check(header.is_unique() && pool.stats().buffers_in_use == 1);
    header.reset();  // the last one brings the slot home
    check(pool.stats().buffers_in_use == 0);
}

void cut_a_stream_into_messages() {
    polder::buffer_pool pool({.name = "stream"});
    polder::buffer rest = receive(pool, "alpha|beta|gamma");
    int messages = 0;
    for (std::size_t end; (end = text(rest).find('|')) != std::string_view::npos; ++messages) {
        polder::buffer after = rest.split_off(end + 1);  // no copy: `rest` keeps the front, `after` owns what follows
        rest.resize(end);                                // without the separator
        check(messages == 0 ? text(rest) == "alpha" : text(rest) == "beta");
        rest = std::move(after);
    }
    check(messages == 2 && text(rest) == "gamma");
    check(rest.capacity() > rest.size());  // the tail has the room behind it, too
    check(pool.stats().acquisitions == 1);
}

}  // namespace

int main() {
    share_a_message();
    cut_a_stream_into_messages();
}
