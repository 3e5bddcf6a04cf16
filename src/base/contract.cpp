// SPDX-License-Identifier: Apache-2.0
#include "polder/base/contract.hpp"

#include <cstdio>
#include <cstdlib>

namespace polder {

void invariant_failed(const char* what, const char* file, int line) noexcept {
    std::fprintf(stderr, "polder: broken invariant: %s (%s:%d). This is a bug in polder or memory overwritten from outside.\n",
                 what, file, line);
    std::abort();
}

}  // namespace polder
