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

pipeline_figures run_once(const source& from, const pipeline_plan& plan) {
    return measure_in_child([&] { return run_pipeline(from, plan); }, run_limit);
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
        middle.*field =
            static_cast<std::uint64_t>(real([&](const pipeline_figures& run) { return static_cast<double>(run.*field); }));
    };
    const auto times = [&](operation_times pipeline_figures::*field) {
        (middle.*field).p50 = real([&](const pipeline_figures& run) { return (run.*field).p50; });
        (middle.*field).p99 = real([&](const pipeline_figures& run) { return (run.*field).p99; });
        (middle.*field).max = real([&](const pipeline_figures& run) { return (run.*field).max; });
    };
    middle.seconds = real([](const pipeline_figures& run) { return run.seconds; });
    middle.cpu_seconds = real([](const pipeline_figures& run) { return run.cpu_seconds; });
    whole(&pipeline_figures::warm_up_faults);
    whole(&pipeline_figures::measured_faults);
    whole(&pipeline_figures::rss_peak_bytes);
    times(&pipeline_figures::get);
    times(&pipeline_figures::cut);
    times(&pipeline_figures::give_back);
    return middle;
}

bool arrived_whole(const pipeline_figures& run, std::uint64_t expected_bytes) {
    return run.bytes_sent == expected_bytes && run.bytes_received == expected_bytes && run.passes_wrong == 0;
}

/// How many passes over the source fill the time that a run shall take, by a first run that is not counted.
std::uint64_t passes_to_fill(double seconds, const source& from, bool quick) {
    const std::uint64_t trial_bytes = std::uint64_t{quick ? 96U : 256U} << 20;
    pipeline_plan trial{memory_kind::malloc};
    trial.passes = std::max<std::uint64_t>(1, trial_bytes / from.pass_bytes());
    const double seconds_per_pass = run_once(from, trial).seconds / static_cast<double>(trial.passes);
    return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(seconds / seconds_per_pass), 2, 1'000'000);
}

}  // namespace

pipeline_scene show_pipeline(const source& from, bool quick, fault made, progress& line) {
    pipeline_scene scene;
    scene.file = from.shown();
    scene.file_bytes = from.file_bytes();
    scene.pass_bytes = from.pass_bytes();
    scene.hash = from.hash();
    try {
        line.show("pipeline: how fast is this machine?");
        scene.passes = passes_to_fill(quick ? 0.25 : 2.0, from, quick);
        scene.warm_up_passes = std::max<std::uint64_t>(1, scene.passes / 3);

        constexpr int rounds = 5;
        for (int round = 1; round <= rounds; ++round) {
            for (const memory_kind kind : both_kinds) {
                line.show(fmt::format("pipeline: run {} of {}, {}", round, rounds, to_string(kind)));
                scene.runs.of(kind).push_back(run_once(from, {kind, scene.passes, scene.warm_up_passes, made}));
            }
        }
        for (const memory_kind kind : both_kinds) scene.median.of(kind) = median_of(scene.runs.of(kind));

        scene.transport = transport_names.at(scene.median.polder.transport);
        if (scene.median.polder.transport == 1) scene.note = "no loopback network for IPv4; used IPv6 instead";
        if (scene.median.polder.transport == 2) scene.note = "no loopback network here; used a Unix socket pair instead";
        const std::uint64_t expected_bytes = scene.passes * from.pass_bytes();
        const auto all_of = [&](memory_kind kind, auto condition) { return std::ranges::all_of(scene.runs.of(kind), condition); };
        const auto whole = [&](const pipeline_figures& run) { return arrived_whole(run, expected_bytes); };
        scene.same_bytes = all_of(memory_kind::malloc, whole) && all_of(memory_kind::polder, whole);
        scene.all_came_home = all_of(memory_kind::polder, came_home);
    } catch (const std::exception& failure) {
        scene.failure = failure.what();
    }
    return scene;
}

}  // namespace tools::try_scenes
