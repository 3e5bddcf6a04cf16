// SPDX-License-Identifier: Apache-2.0
#include "try/promises.hpp"

#include <fmt/format.h>

#include "support/numbers.hpp"

namespace tools::try_scenes {

bool throughput_promise_kept(const pipeline_scene& scene) {
    return scene.median.polder.bytes_per_second() >= throughput_factor_min * scene.median.malloc.bytes_per_second();
}

std::vector<promise> judge(const report& found) {
    const pipeline_scene& pipeline = found.pipeline;
    const pipeline_figures& with_malloc = pipeline.median.malloc;
    const pipeline_figures& with_polder = pipeline.median.polder;
    const bool ran = pipeline.failure.empty();
    const auto unless_failed = [&](std::string text) { return ran ? text : "the scene did not run: " + pipeline.failure; };

    std::vector<promise> promises;
    promises.push_back({"pipeline.same_bytes", "every byte of the file arrives, in order, in each run", true, ran && pipeline.same_bytes,
                        unless_failed(pipeline.same_bytes ? "all runs equal the file" : "bytes were lost or changed")});
    promises.push_back({"pipeline.throughput", fmt::format("with polder at least {} times the throughput with malloc", throughput_factor_min),
                        !ran || !found.machine.instrumented, ran && throughput_promise_kept(pipeline),
                        unless_failed(fmt::format("{:.2f} times",
                                                  with_polder.bytes_per_second() / std::max(1.0, with_malloc.bytes_per_second())))});
    promises.push_back({"pipeline.page_faults", "with polder no more page faults than with malloc", !ran || !found.machine.instrumented,
                        ran && with_polder.minor_faults <= with_malloc.minor_faults + page_faults_slack,
                        unless_failed(fmt::format("{} against {}", format_count(with_polder.minor_faults), format_count(with_malloc.minor_faults)))});
    promises.push_back({"misuse.double_release", "a double release ends the program with a report that names pool and slot", true,
                        found.misuse.double_release_caught, found.misuse.double_release_caught ? "caught" : "not caught"});
    promises.push_back({"misuse.exhausted", "a pool at its limit refuses, names the biggest holder, and works on", true,
                        found.misuse.exhausted_caught, found.misuse.exhausted_caught ? "caught" : "not caught"});
    return promises;
}

}  // namespace tools::try_scenes
