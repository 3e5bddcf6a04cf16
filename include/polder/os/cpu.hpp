// SPDX-License-Identifier: Apache-2.0
//
// Processors, as far as caches care. CPU numbers have holes and may exceed the online count, so space is laid out for every
// *possible* CPU and touched only where threads run.
#pragma once

namespace polder::os {

/// One more than the highest CPU number this kernel can ever use; at least 1. Read once, from /sys.
unsigned cpus_possible() noexcept;

/// CPUs that are switched on, whether or not this thread may run there; at least 1. Read once.
unsigned cpus_online() noexcept;

/// How many times this process image has been forked from: 0 in the first process, one more in each child. A child compares it
/// with what it remembers to learn that the other threads of its arena are gone. One load.
unsigned fork_depth() noexcept;

}  // namespace polder::os
