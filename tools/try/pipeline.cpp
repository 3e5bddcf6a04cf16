// SPDX-License-Identifier: Apache-2.0
#include "try/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "support/child.hpp"
#include "support/numbers.hpp"
#include "try/pipeline_run.hpp"
#include "try/promises.hpp"

namespace tools::try_scenes {
namespace {

constexpr auto run_limit = std::chrono::seconds(60);
constexpr int extra_rounds = 2;

pipeline_figures run_once(memory_kind kind, const source& from, std::uint64_t passes) {
    return measure_in_child([&] { return run_pipeline(kind, from, passes); }, run_limit);
}

/// Each figure's median over the runs.
pipeline_figures median_of(const std::vector<pipeline_figures>& runs) {
    pipeline_figures middle = runs.front();  // bytes, messages, buffers, copies are the same in each
    const auto real = [&](auto field) {
        std::vector<double> values;
        for (const pipeline_figures& run : runs) values.push_back(field(run));
        return median(values);
    };
    const auto whole = [&](std::uint64_t pipeline_figures::*field) {
        middle.*field = static_cast<std::uint64_t>(real([&](const pipeline_figures& run) { return static_cast<double>(run.*field); }));
    };
    const auto times = [&](operation_times pipeline_figures::*field) {
        (middle.*field).p50 = real([&](const pipeline_figures& run) { return (run.*field).p50; });
        (middle.*field).p99 = real([&](const pipeline_figures& run) { return (run.*field).p99; });
        (middle.*field).max = real([&](const pipeline_figures& run) { return (run.*field).max; });
    };
    middle.seconds = real([](const pipeline_figures& run) { return run.seconds; });
    middle.cpu_seconds = real([](const pipeline_figures& run) { return run.cpu_seconds; });
    whole(&pipeline_figures::minor_faults);
    whole(&pipeline_figures::rss_peak_bytes);
    times(&pipeline_figures::get);
    times(&pipeline_figures::cut);
    times(&pipeline_figures::give_back);
    return middle;
}

bool arrived_whole(const pipeline_figures& run, std::uint64_t expected_bytes) {
    return run.bytes_sent == expected_bytes && run.bytes_received == expected_bytes && run.passes_wrong == 0;
}

void run_rounds(pipeline_scene& scene, const source& from, int rounds, progress& line) {
    for (int round = 1; round <= rounds; ++round) {
        for (const memory_kind kind : both_kinds) {
            line.show(fmt::format("pipeline: run {} of {}, {}", round, rounds, to_string(kind)));
            scene.runs.of(kind).push_back(run_once(kind, from, scene.passes));
        }
    }
    for (const memory_kind kind : both_kinds) scene.median.of(kind) = median_of(scene.runs.of(kind));
}

}  // namespace

pipeline_scene show_pipeline(const source& from, bool quick, progress& line) {
    pipeline_scene scene;
    scene.file = from.shown();
    scene.file_bytes = from.file_bytes();
    scene.pass_bytes = from.pass_bytes();
    scene.hash = from.hash();
    try {
        // A first run, not counted, tells how much this machine moves in the time that a run shall take.
        line.show("pipeline: how fast is this machine?");
        const std::uint64_t trial_bytes = std::uint64_t{quick ? 96U : 256U} << 20;
        const std::uint64_t trial_passes = std::max<std::uint64_t>(1, trial_bytes / from.pass_bytes());
        const pipeline_figures trial = run_once(memory_kind::malloc, from, trial_passes);
        const double seconds_per_pass = trial.seconds / static_cast<double>(trial_passes);
        const double wanted_seconds = quick ? 0.35 : 1.8;
        scene.passes = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted_seconds / seconds_per_pass), 1, 1'000'000);

        run_rounds(scene, from, quick ? 3 : 5, line);
        // A promise that seems broken may be a busy machine: look twice as long before saying so.
        if (!throughput_promise_kept(scene)) run_rounds(scene, from, extra_rounds, line);

        scene.transport = transport_names.at(scene.median.polder.transport);
        if (scene.median.polder.transport == 1) scene.note = "no loopback network for IPv4; used IPv6 instead";
        if (scene.median.polder.transport == 2) scene.note = "no loopback network here; used a Unix socket pair instead";
        const std::uint64_t expected_bytes = scene.passes * from.pass_bytes();
        scene.same_bytes = true;
        for (const memory_kind kind : both_kinds)
            for (const pipeline_figures& run : scene.runs.of(kind)) scene.same_bytes = scene.same_bytes && arrived_whole(run, expected_bytes);
    } catch (const std::exception& failure) {
        scene.failure = failure.what();
    }
    return scene;
}

}  // namespace tools::try_scenes
