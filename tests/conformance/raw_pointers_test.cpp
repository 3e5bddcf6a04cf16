// SPDX-License-Identifier: Apache-2.0
//
// Plan: the contract of a pool for the raw pointers of a buffer_pool.
#include "conformance/buffer_pool_faces.hpp"

namespace polder::test {
namespace {

POLDER_INSTANTIATE_POOL_SUITE(RawPointers, raw_face);

}  // namespace
}  // namespace polder::test
