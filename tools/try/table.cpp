// SPDX-License-Identifier: Apache-2.0
#include "try/table.hpp"

#include <fmt/format.h>
#include <polder/base/units.hpp>
#include <polder/pools/options.hpp>

#include <algorithm>
#include <exception>
#include <span>

#include "support/child.hpp"
#include "support/numbers.hpp"
#include "try/table_cell.hpp"
#include "try/verdicts.hpp"

namespace tools::try_scenes {
namespace {

using namespace polder::literals;

constexpr std::array<std::size_t, 7> all_sizes{64, 1_KiB, 4_KiB, 64_KiB, 1_MiB, 8_MiB, 64_MiB};
constexpr std::array<std::size_t, 4> quick_sizes{64, 4_KiB, 64_KiB, 1_MiB};
constexpr auto cell_limit = std::chrono::seconds(20);
// Where a buffer takes many milliseconds, fewer rounds tell as much.
constexpr std::size_t few_rounds_from = 32_MiB;

cell_plan plan_for(const table_cell& cell, bool quick, fault made) {
    cell_plan plan{cell.how, static_cast<std::size_t>(cell.size), quick ? 4.0 : 10.0, quick ? 50.0 : 150.0, quick ? 6.0 : 30.0, 8,
                   made};
    if (cell.how == pattern::burst) plan.buffers_min = burst_buffers;
    return plan;
}

void run_cell(table_cell& cell, const cell_plan& plan) {
    for (const memory_kind kind : both_kinds) {
        const cell_figures figures = measure_in_child([&] { return measure_cell(kind, plan); }, cell_limit);
        cell.runs.of(kind).push_back(figures.ns);
        cell.faults_runs.of(kind).push_back(figures.minor_faults);
    }
}

}  // namespace

table_scene show_table(bool quick, fault made, progress& line) {
    table_scene scene;
    const std::span<const std::size_t> sizes = quick ? std::span<const std::size_t>(quick_sizes) : all_sizes;
    for (const pattern how : all_patterns) {
        for (const std::size_t size : sizes) {
            table_cell cell;
            cell.how = how;
            cell.size = size;
            const std::size_t live = live_bytes(plan_for(cell, quick, made));
            if (live > polder::default_committed_bytes_max() / 2)
                cell.why_not = fmt::format("needs {} at once, this machine is too small", format_size(live));
            scene.cells.push_back(cell);
        }
    }
    constexpr int rounds = 5;
    for (int round = 1; round <= rounds; ++round) {
        line.show(fmt::format("sizes and patterns: round {} of {}", round, rounds));
        for (table_cell& cell : scene.cells) {
            if (!cell.why_not.empty() || (cell.size >= few_rounds_from && round > 3)) continue;
            try {
                run_cell(cell, plan_for(cell, quick, made));
            } catch (const std::exception& failure) {
                cell.why_not = failure.what();
                cell.failed = true;
            }
        }
    }
    for (table_cell& cell : scene.cells) {
        if (!cell.why_not.empty()) continue;
        for (const memory_kind kind : both_kinds) {
            cell.ns.of(kind) = median(cell.runs.of(kind));
            cell.faults.of(kind) = median(cell.faults_runs.of(kind));
        }
        cell.says = verdict_of(cell);
    }
    scene.sentences = sentences_for(scene.cells);
    const bool too_much_to_keep = std::ranges::any_of(scene.cells, [&](const table_cell& cell) {
        return cell.why_not.empty() && cell.faults.polder >= 1 &&
               live_bytes(plan_for(cell, quick, made)) > polder::default_idle_bytes_max();
    });
    if (too_much_to_keep)
        scene.sentences.push_back(
            fmt::format("Where polder has page faults too, more came back at once than a pool keeps: {} here (idle_bytes_max).",
                        format_size(polder::default_idle_bytes_max())));
    return scene;
}

}  // namespace tools::try_scenes
