// SPDX-License-Identifier: Apache-2.0
//
// Who was measured: the compiler, whether polder has its fast path here, and the versions of the peers that are on this machine, as
// they tell them themselves. One line of JSON.
#pragma once

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdlib.h>
#include <polder/pools/buffer_pool.hpp>

#include <cstdio>
#include <memory>
#include <string>

#if __has_include(<boost/version.hpp>)
#include <boost/version.hpp>
#endif

#include "general.hpp"

namespace bench {

#if defined(__clang__)
inline constexpr const char* compiler = __VERSION__;
#else
inline constexpr const char* compiler = "gcc " __VERSION__;
#endif

inline std::string dotted(int major, int minor, int patch) {
    return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
}

inline std::string version_of(const mimalloc& peer) {
    const int number = peer.library.get<int()>("mi_version")();
    return dotted(number / 100, number / 10 % 10, number % 10);
}

inline std::string version_of(const jemalloc& peer) {
    const char* text = "unknown";
    std::size_t length = sizeof text;
    peer.library.get<int(const char*, void*, std::size_t*, void*, std::size_t)>("mallctl")("version", &text, &length, nullptr, 0);
    const std::string all = text;
    return all.substr(0, all.find('-'));  // the revision follows
}

inline std::string version_of(const tcmalloc& peer) {
    int major = 0;
    int minor = 0;
    const char* patch = "";
    peer.library.get<const char*(int*, int*, const char**)>("tc_version")(&major, &minor, &patch);
    return "gperftools " + std::to_string(major) + '.' + std::to_string(minor) + patch;
}

/// It has no function that tells: the number in the name of its file.
inline std::string version_of(const tbb& peer) {
    ::Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(peer.get_function), &info) == 0) return "unknown";
    const std::unique_ptr<char, void (*)(void*)> path(::realpath(info.dli_fname, nullptr), &::free);
    const std::string file = path ? path.get() : "";
    const std::size_t at = file.find(".so.");
    return at == std::string::npos ? "unknown" : "library " + file.substr(at + 4);
}

template <class Peer>
void print_version() {
    std::string version;
    try {
        version = version_of(Peer());
    } catch (const absent&) {
        version = "not on this machine";
    }
    std::printf(", \"%s\": \"%s\"", Peer::name, version.c_str());
}

inline int print_card() {
    const polder::buffer_pool pool;
    std::printf("{\"compiler\": \"%s\", \"per-CPU caches\": \"%s\", \"peers\": {\"glibc\": \"%s\"", compiler, pool.cache_status(),
                ::gnu_get_libc_version());
    print_version<mimalloc>();
    print_version<jemalloc>();
    print_version<tcmalloc>();
    print_version<tbb>();
    std::printf(", \"std::pmr\": \"libstdc++ %d\"", _GLIBCXX_RELEASE);
#if defined(BOOST_LIB_VERSION)
    std::printf(", \"Boost.Pool\": \"%s\"", BOOST_LIB_VERSION);
#else
    std::printf(", \"Boost.Pool\": \"not on this machine\"");
#endif
    std::printf("}}\n");
    return 0;
}

}  // namespace bench
