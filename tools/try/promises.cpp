// SPDX-License-Identifier: Apache-2.0
#include "try/promises.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "support/numbers.hpp"
#include "try/verdicts.hpp"

namespace tools::try_scenes {
namespace {

promise same_bytes(const pipeline_scene& scene) {
    promise result{"pipeline.same_bytes", "every byte of the file arrives, in order, in every run"};
    result.kept = scene.failure.empty() && scene.same_bytes;
    if (!scene.failure.empty())
        result.found = "the pipeline did not run: " + scene.failure;
    else if (scene.same_bytes)
        result.found = fmt::format("{} runs of {} passes", scene.runs.malloc.size() + scene.runs.polder.size(), scene.passes);
    else
        result.found = "bytes were lost or changed";
    return result;
}

promise came_home(const pipeline_scene& scene) {
    promise result{"pipeline.came_home", "every buffer comes home, by polder's own count"};
    result.kept = scene.failure.empty() && scene.all_came_home;
    if (!scene.failure.empty()) {
        result.found = "the pipeline did not run: " + scene.failure;
        return result;
    }
    const auto odd = std::ranges::find_if(scene.runs.polder, [](const pipeline_figures& run) { return !came_home(run); });
    if (odd == scene.runs.polder.end())
        result.found = fmt::format("{} of {} in each run", format_count(scene.median.polder.books.releases),
                                   format_count(scene.median.polder.buffers));
    else
        result.found = fmt::format("the program got {}; polder counts {} out, {} back, {} still out", format_count(odd->buffers),
                                   format_count(odd->books.acquisitions), format_count(odd->books.releases),
                                   format_count(odd->books.buffers_in_use));
    return result;
}

/// Per page handed over, in the calmest run: on a busy machine a run may end before its buffers have all been out at once.
double faults_per_page(const table_cell& cell) {
    const auto pages = static_cast<double>(std::max<std::uint64_t>(1, cell.size / 4096));
    return *std::ranges::min_element(cell.faults_runs.polder) / pages;
}

promise no_page_faults(const report& found) {
    promise result{"table.page_faults", "once warm, polder's buffers change threads without page faults"};
    const table_cell* worst = nullptr;
    for (const table_cell& cell : found.table.cells) {
        if (cell.how != pattern::hand_off || cell.says == verdict::not_run) continue;
        if (worst == nullptr || faults_per_page(cell) > faults_per_page(*worst)) worst = &cell;
    }
    result.judged = worst != nullptr && !found.machine.sanitized;
    result.kept = worst != nullptr && faults_per_page(*worst) <= faults_per_page_max;
    if (worst == nullptr)
        result.found = "no size could be measured";
    else if (result.kept)
        result.found = "at every size";
    else
        result.found = fmt::format("{} per buffer at {}", format_rate(*std::ranges::min_element(worst->faults_runs.polder)),
                                   format_size(worst->size));
    return result;
}

promise table_ran(const table_scene& scene) {
    promise result{"table.ran", "every size and pattern that fits this machine is measured"};
    const auto failed = std::ranges::find_if(scene.cells, [](const table_cell& cell) { return cell.failed; });
    result.kept = failed == scene.cells.end();
    const auto run = std::ranges::count_if(scene.cells, [](const table_cell& cell) { return cell.says != verdict::not_run; });
    result.found = result.kept ? fmt::format("{} of {}", run, scene.cells.size())
                               : fmt::format("{} at {}: {}", name_of(failed->how), format_size(failed->size), failed->why_not);
    return result;
}

promise misuse(const char* name, const char* text, bool caught) {
    return {name, text, true, caught, caught ? "caught" : "not caught"};
}

}  // namespace

bool came_home(const pipeline_figures& run) {
    const pool_books& books = run.books;
    return books.acquisitions == run.buffers && books.releases == run.buffers && books.buffers_in_use == 0 &&
           books.in_use_bytes == 0;
}

std::vector<promise> judge(const report& found) {
    return {
        same_bytes(found.pipeline),
        came_home(found.pipeline),
        table_ran(found.table),
        no_page_faults(found),
        misuse("misuse.double_release", "a double release stops the program and names pool and slot",
               found.misuse.double_release_caught),
        misuse("misuse.exhausted", "a full pool refuses, names who holds the memory, and works on", found.misuse.exhausted_caught)};
}

}  // namespace tools::try_scenes
