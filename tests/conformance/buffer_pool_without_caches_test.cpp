// SPDX-License-Identifier: Apache-2.0
//
// Plan: the contract of a pool for a buffer_pool that was told to have no per-CPU caches.
// Under valgrind: none (there no pool has caches)
#include "conformance/buffer_pool_faces.hpp"

namespace polder::test {
namespace {

using without_caches = handle_face<false>;
POLDER_INSTANTIATE_POOL_SUITE(BufferPoolWithoutCaches, without_caches);

}  // namespace
}  // namespace polder::test
