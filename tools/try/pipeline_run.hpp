// SPDX-License-Identifier: Apache-2.0
//
// One run of the pipeline in this process: four threads that move every byte of a file, pass after pass, through a socket.
//
//     reader  --queue-->  parser  --queue-->  writer  --socket-->  receiver
//     gets a buffer       hashes; cuts the    sends; gives         gets a buffer, receives,
//     per message,        unfinished record   the buffers back     hashes, compares each pass
//     reads the file      off and puts it                          with the file, gives back
//                         before the next message
//
// Every buffer is got on one thread and given back on another, but the receiver's.
#pragma once

#include <cstdint>

#include "try/fault.hpp"
#include "try/report.hpp"
#include "try/source.hpp"

namespace tools::try_scenes {

struct pipeline_plan {
    memory_kind kind{};
    std::uint64_t passes = 0;          ///< over the source, all told
    std::uint64_t warm_up_passes = 0;  ///< of these; moved and checked, but not measured
    fault made = fault::none;
};

/// Moves the source. Throws std::system_error when the socket or the file fails.
pipeline_figures run_pipeline(const source& from, const pipeline_plan& plan);

}  // namespace tools::try_scenes
