// SPDX-License-Identifier: Apache-2.0
//
// A shared library opened by its SONAME with local scope: its malloc does not become the process's. Some (jemalloc) want more static
// thread-local storage than is left for late comers; bench/run sets GLIBC_TUNABLES=glibc.rtld.optional_static_tls for that.
#pragma once

#include <dlfcn.h>

#include <string>

#include "block.hpp"

namespace bench {

class shared_library {
public:
    explicit shared_library(const char* soname) : soname_(soname), handle_(dlopen(soname, RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) throw absent(dlerror());
    }

    /// The library stays open for ever: threads may still have memory of it in their hands.
    ~shared_library() = default;
    shared_library(const shared_library&) = delete;
    shared_library& operator=(const shared_library&) = delete;

    /// The function of that name; nullptr when there is none.
    template <class Function>
    Function* find(const char* name) const noexcept {
        return reinterpret_cast<Function*>(dlsym(handle_, name));
    }

    template <class Function>
    Function* get(const char* name) const {
        Function* found = find<Function>(name);
        if (found == nullptr) throw absent(soname_ + " has no " + name);
        return found;
    }

private:
    std::string soname_;
    void* handle_;
};

}  // namespace bench
