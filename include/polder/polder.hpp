// SPDX-License-Identifier: Apache-2.0
//
// Everything most programs need.
#pragma once

#include "polder/base/error.hpp"
#include "polder/base/units.hpp"
#include "polder/observe/stats.hpp"
#include "polder/observe/violation.hpp"
#include "polder/pools/buffer.hpp"
#include "polder/pools/buffer_pool.hpp"
#include "polder/pools/options.hpp"
