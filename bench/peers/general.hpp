// SPDX-License-Identifier: Apache-2.0
//
// General-purpose allocators, called by explicit symbol. Only the one that is measured is in the process.
#pragma once

#include <malloc.h>
#include <stdlib.h>

#include <cstddef>

#include "shared_library.hpp"

namespace bench {

struct glibc : plain_peer {
    static constexpr const char* name = "glibc";
    static constexpr bool thread_safe = true;

    [[gnu::always_inline]] block get(std::size_t size) noexcept { return {static_cast<std::byte*>(::malloc(size)), size}; }
    [[gnu::always_inline]] void put(block& held) noexcept { ::free(held.address); }
    void trim() noexcept { ::malloc_trim(0); }
};

/// get and put by two functions of a library.
struct library_peer : plain_peer {
    static constexpr bool thread_safe = true;

    library_peer(const char* soname, const char* get_name, const char* put_name)
        : library(soname),
          get_function(library.get<void*(std::size_t)>(get_name)),
          put_function(library.get<void(void*)>(put_name)) {}

    [[gnu::always_inline]] block get(std::size_t size) const { return {static_cast<std::byte*>(get_function(size)), size}; }
    [[gnu::always_inline]] void put(block& held) const { put_function(held.address); }

    shared_library library;
    void* (*get_function)(std::size_t);
    void (*put_function)(void*);
};

struct mimalloc : library_peer {
    static constexpr const char* name = "mimalloc";
    mimalloc() : library_peer("libmimalloc.so.2", "mi_malloc", "mi_free") {}
    void trim() const { library.get<void(bool)>("mi_collect")(true); }
};

/// mimalloc told to keep what it has: the fastest way to run it on large buffers. Options are read when the library is loaded; the
/// names of versions 2.0 and 2.1 differ, so both are set.
struct mimalloc_keep : library_peer {
    static constexpr const char* name = "mimalloc_keep";
    mimalloc_keep() : library_peer(with_options("libmimalloc.so.2"), "mi_malloc", "mi_free") {}
    void trim() const { library.get<void(bool)>("mi_collect")(true); }

private:
    static const char* with_options(const char* soname) {
        ::setenv("MIMALLOC_ALLOW_DECOMMIT", "0", 1);
        ::setenv("MIMALLOC_PAGE_RESET", "0", 1);
        ::setenv("MIMALLOC_EAGER_COMMIT", "1", 1);
        ::setenv("MIMALLOC_EAGER_COMMIT_DELAY", "0", 1);
        ::setenv("MIMALLOC_PURGE_DELAY", "-1", 1);
        return soname;
    }
};

struct jemalloc_base : library_peer {
    jemalloc_base() : library_peer("libjemalloc.so.2", "malloc", "free") {}
    void trim() const {
        auto* control = library.get<int(const char*, void*, std::size_t*, void*, std::size_t)>("mallctl");
        control("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
        control("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: all arenas
    }
};

struct jemalloc : jemalloc_base {
    static constexpr const char* name = "jemalloc";
};

/// Told the size when it gets memory back.
struct jemalloc_sized : jemalloc_base {
    static constexpr const char* name = "jemalloc_sized";
    [[gnu::always_inline]] void put(block& held) const { sized_put(held.address, held.size, 0); }

private:
    void (*sized_put)(void*, std::size_t, int) = library.get<void(void*, std::size_t, int)>("sdallocx");
};

/// gperftools, minimal.
struct tcmalloc : library_peer {
    static constexpr const char* name = "tcmalloc";
    tcmalloc() : library_peer("libtcmalloc_minimal.so.4", "tc_malloc", "tc_free") {}
    void trim() const {
        if (auto* idle = library.find<void()>("MallocExtension_MarkThreadIdle")) idle();
        if (auto* release = library.find<void()>("MallocExtension_ReleaseFreeMemory")) release();
    }
};

struct tbb : library_peer {
    static constexpr const char* name = "tbb";
    tbb() : library_peer("libtbbmalloc.so.2", "scalable_malloc", "scalable_free") {}
    void trim() const { library.get<int(int, void*)>("scalable_allocation_command")(0, nullptr); }  // 0: clean all buffers
};

}  // namespace bench
