// SPDX-License-Identifier: Apache-2.0
//
// Two connected stream sockets of this process: TCP over the loopback network or, where there is none, a Unix socket pair.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tools::try_scenes {

class connection {
public:
    /// Throws std::system_error when not even a socket pair can be had.
    connection();
    ~connection();
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    int sender() const noexcept { return sender_; }
    int receiver() const noexcept { return receiver_; }
    std::uint8_t transport() const noexcept { return transport_; }  ///< index into transport_names (report.hpp)
    /// Makes both sides return from whatever they wait for.
    void shut_down() noexcept;

private:
    bool connect_tcp(int family) noexcept;

    int sender_ = -1;
    int receiver_ = -1;
    std::uint8_t transport_ = 0;
};

}  // namespace tools::try_scenes
