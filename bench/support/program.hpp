// SPDX-License-Identifier: Apache-2.0
//
// The frame of every benchmark program. A benchmark is called "case/peer"; a run measures those that --benchmark_filter selects, as a
// rule one, because the state of an allocator must not depend on who was measured before. Google Benchmark selects and prints; the
// workload decides what an operation is and takes the time itself (one iteration, manual time).
//
//     w1_fixed_size --seconds=0.5 --benchmark_filter=^w1/polder/ --benchmark_format=json
#pragma once

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../peers/card.hpp"
#include "measure.hpp"
#include "threads.hpp"

namespace bench {

/// Seconds a sample measures; set by --seconds.
inline double sample_seconds = 0.5;

/// For what is worthless when it is short; --seconds below 0.03 only tries the program out.
inline double at_least(double seconds) noexcept {
    return sample_seconds < 0.03 || seconds < sample_seconds ? sample_seconds : seconds;
}

/// A workload failed, other than by a peer that is not on this machine.
inline bool has_failed = false;

/// What a workload hands back: counters by name. "ns" and "faults" (per operation) are in every one.
using figures = std::vector<std::pair<std::string, double>>;

inline figures per_operation(const sample& taken) {
    return {{"ns", taken.seconds * 1e9 / taken.operations},
            {"faults", taken.faults / taken.operations},
            {"operations", taken.operations}};
}

/// A list of peer types.
template <class... Peers>
struct peer_list {};

/// Registers `workload(std::type_identity<Peer>)`, which returns figures, once for each peer. A peer that is not on this machine throws
/// when it is opened; it is then reported as skipped, with the reason.
template <class... Peers, class Workload>
void add(peer_list<Peers...>, const std::string& name, Workload workload) {
    const auto one = [&](auto peer) {
        using peer_type = typename decltype(peer)::type;
        const std::string full = name + '/' + std::string(peer_type::name);
        benchmark::RegisterBenchmark(full.c_str(),
                                     [workload, peer](benchmark::State& state) {
                                         for ([[maybe_unused]] auto turn : state) {
                                             try {
                                                 const double start = wall_seconds();
                                                 for (const auto& [key, value] : workload(peer)) state.counters[key] = value;
                                                 state.SetIterationTime(wall_seconds() - start);
                                             } catch (const absent& error) {
                                                 state.SkipWithError(error.what());
                                                 break;
                                             } catch (const std::exception& error) {
                                                 std::fprintf(stderr, "%s\n", error.what());
                                                 has_failed = true;
                                                 state.SkipWithError(error.what());
                                                 break;
                                             }
                                         }
                                     })
            ->Iterations(1)
            ->UseManualTime();
    };
    (one(std::type_identity<Peers>{}), ...);
}

/// Parses the command line, measures, prints. The only thing main has to return.
inline int run(int argc, char** argv) {
    int kept = 1;
    for (int i = 1; i < argc; ++i) {
        constexpr std::string_view option = "--seconds=";
        const std::string_view argument = argv[i];
        if (argument.substr(0, option.size()) == option) {
            sample_seconds = std::atof(argv[i] + option.size());
        } else if (argument == "--card") {
            return print_card();
        } else {
            argv[kept++] = argv[i];
        }
    }
    argc = kept;
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::AddCustomContext("compiler", compiler);
    park_a_thread();
    const bool has_run = benchmark::RunSpecifiedBenchmarks() != 0;
    return has_failed || !has_run ? 1 : 0;
}

}  // namespace bench
