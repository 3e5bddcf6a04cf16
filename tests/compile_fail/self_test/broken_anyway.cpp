// SPDX-License-Identifier: Apache-2.0
// expect: deleted
//
// Wrong on purpose: it does not compile without its mistake either.
#include "polder/no_such_header.hpp"
