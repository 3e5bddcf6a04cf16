// SPDX-License-Identifier: Apache-2.0
#include "try/json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "try/table_cell.hpp"
#include "try/verdicts.hpp"

namespace tools::try_scenes {
namespace {

using json = nlohmann::ordered_json;

constexpr int format_version = 1;

json to_json(const machine_facts& machine) {
    return {{"cpu", machine.cpu},
            {"cpus", machine.cpus},
            {"memory_bytes", machine.memory_bytes},
            {"kernel", machine.kernel},
            {"libc", machine.libc},
            {"compiler", machine.compiler},
            {"transparent_huge_pages", machine.huge_pages},
            {"per_cpu_caches", machine.cache_status},
            {"clock_ns", machine.clock_ns},
            {"instrumented", machine.instrumented},
            {"sanitized", machine.sanitized}};
}

json to_json(const operation_times& times) { return {{"p50_ns", times.p50}, {"p99_ns", times.p99}, {"max_ns", times.max}}; }

json to_json(const pool_books& books) {
    return {{"acquisitions", books.acquisitions},     {"releases", books.releases},
            {"buffers_in_use", books.buffers_in_use}, {"in_use_bytes", books.in_use_bytes},
            {"idle_bytes", books.idle_bytes},         {"committed_bytes_peak", books.committed_bytes_peak}};
}

json to_json(const pipeline_figures& figures) {
    return {{"seconds", figures.seconds},
            {"cpu_seconds", figures.cpu_seconds},
            {"bytes_per_second", figures.bytes_per_second()},
            {"bytes_sent", figures.bytes_sent},
            {"bytes_received", figures.bytes_received},
            {"messages", figures.messages},
            {"passes_wrong", figures.passes_wrong},
            {"buffers", figures.buffers},
            {"get", to_json(figures.get)},
            {"cut", to_json(figures.cut)},
            {"give_back", to_json(figures.give_back)},
            {"page_faults_warming_up", figures.warm_up_faults},
            {"page_faults_once_warm", figures.measured_faults},
            {"rss_peak_bytes", figures.rss_peak_bytes},
            {"copies", figures.copies},
            {"copied_bytes", figures.copied_bytes}};
}

json to_json(const pipeline_scene& scene) {
    if (!scene.failure.empty()) return {{"ran", false}, {"failure", scene.failure}, {"file", scene.file}};
    json result = {{"ran", true},
                   {"note", scene.note},
                   {"file", scene.file},
                   {"file_bytes", scene.file_bytes},
                   {"pass_bytes", scene.pass_bytes},
                   {"passes", scene.passes},
                   {"warm_up_passes", scene.warm_up_passes},
                   {"hash_xxh64", fmt::format("{:016x}", scene.hash)},
                   {"transport", scene.transport},
                   {"same_bytes", scene.same_bytes},
                   {"all_came_home", scene.all_came_home}};
    for (const memory_kind kind : both_kinds) {
        json& side = result[to_string(kind)];
        side["median"] = to_json(scene.median.of(kind));
        for (const pipeline_figures& run : scene.runs.of(kind)) {
            side["runs"].push_back(to_json(run));
            if (kind == memory_kind::polder) side["runs"].back()["books"] = to_json(run.books);
        }
    }
    result["throughput_factor"] = scene.median.polder.bytes_per_second() / scene.median.malloc.bytes_per_second();
    return result;
}

json to_json(const table_cell& cell) {
    json result = {{"pattern", name_of(cell.how)}, {"size_bytes", cell.size}, {"verdict", to_string(cell.says)}};
    if (cell.says == verdict::not_run) {
        result["why_not"] = cell.why_not;
        return result;
    }
    result["malloc_ns"] = cell.ns.malloc;
    result["polder_ns"] = cell.ns.polder;
    result["factor"] = cell.factor();
    result["malloc_page_faults"] = cell.faults.malloc;
    result["polder_page_faults"] = cell.faults.polder;
    result["malloc_runs_ns"] = cell.runs.malloc;
    result["polder_runs_ns"] = cell.runs.polder;
    return result;
}

json to_json(const table_scene& scene) {
    json cells = json::array();
    for (const table_cell& cell : scene.cells) cells.push_back(to_json(cell));
    return {{"factor_that_counts", factor_that_counts}, {"cells", cells}, {"sentences", scene.sentences}};
}

json to_json(const misuse_scene& scene) {
    return {{"double_release", {{"caught", scene.double_release_caught}, {"report", scene.double_release_report}}},
            {"exhausted", {{"caught", scene.exhausted_caught}, {"report", scene.exhausted_report}}}};
}

json to_json(const promise& each) {
    return {{"name", each.name}, {"text", each.text}, {"judged", each.judged}, {"kept", each.kept}, {"found", each.found}};
}

}  // namespace

std::string json_text(const report& found) {
    json promises = json::array();
    for (const promise& each : found.promises) promises.push_back(to_json(each));
    json document = {{"tool", "polder try"},
                     {"format", format_version},
                     {"version", POLDER_VERSION},
                     {"quick", found.quick},
                     {"seconds", found.seconds},
                     {"ok", found.ok()},
                     {"machine", to_json(found.machine)},
                     {"pipeline", to_json(found.pipeline)},
                     {"table", to_json(found.table)},
                     {"misuse", to_json(found.misuse)},
                     {"promises", promises}};
    if (!found.fault_made.empty()) document["fault_made"] = found.fault_made;
    // File names and error texts may hold any bytes: those that are no UTF-8 are replaced, not refused.
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace tools::try_scenes
