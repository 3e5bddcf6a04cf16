// SPDX-License-Identifier: Apache-2.0
#include "try/connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace tools::try_scenes {
namespace {

/// Closes what it holds unless it was taken out.
class descriptor {
public:
    explicit descriptor(int value) noexcept : value_(value) {}
    ~descriptor() {
        if (value_ >= 0) ::close(value_);
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    int get() const noexcept { return value_; }
    int take() noexcept { return std::exchange(value_, -1); }

private:
    int value_;
};

in_port_t port_of(const sockaddr_storage& address) noexcept {
    return address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                                        : reinterpret_cast<const sockaddr_in6&>(address).sin6_port;
}

}  // namespace

connection::connection() {
    constexpr std::array<int, 2> families{AF_INET, AF_INET6};
    for (; transport_ < families.size(); ++transport_)
        if (connect_tcp(families.at(transport_))) return;
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
        throw std::system_error(errno, std::generic_category(), "no loopback network, and no socket pair either");
    sender_ = pair[0];
    receiver_ = pair[1];
}

connection::~connection() {
    if (sender_ >= 0) ::close(sender_);
    if (receiver_ >= 0) ::close(receiver_);
}

bool connection::connect_tcp(int family) noexcept {
    sockaddr_storage address{};
    socklen_t length = sizeof(sockaddr_in);
    if (family == AF_INET) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(address);
        v4.sin_family = AF_INET;
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
        v6.sin6_family = AF_INET6;
        v6.sin6_addr = in6addr_loopback;
        length = sizeof(sockaddr_in6);
    }
    const auto as_generic = [](sockaddr_storage& storage) { return reinterpret_cast<sockaddr*>(&storage); };
    descriptor listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    descriptor out(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (listener.get() < 0 || out.get() < 0) return false;
    if (::bind(listener.get(), as_generic(address), length) != 0 || ::listen(listener.get(), 1) != 0) return false;
    if (::getsockname(listener.get(), as_generic(address), &length) != 0) return false;
    if (::connect(out.get(), as_generic(address), length) != 0) return false;
    sockaddr_storage mine{};
    sockaddr_storage caller{};
    socklen_t mine_length = sizeof mine;
    socklen_t caller_length = sizeof caller;
    descriptor in(::accept4(listener.get(), as_generic(caller), &caller_length, SOCK_CLOEXEC));
    if (in.get() < 0 || ::getsockname(out.get(), as_generic(mine), &mine_length) != 0) return false;
    if (port_of(mine) != port_of(caller)) return false;  // somebody else was faster; their bytes are not ours
    const int yes = 1;
    ::setsockopt(out.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sender_ = out.take();
    receiver_ = in.take();
    return true;
}

void connection::shut_down() noexcept {
    ::shutdown(sender_, SHUT_RDWR);
    ::shutdown(receiver_, SHUT_RDWR);
}

}  // namespace tools::try_scenes
