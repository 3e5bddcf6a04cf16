// SPDX-License-Identifier: Apache-2.0
#include "try/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "support/numbers.hpp"
#include "try/message_sizes.hpp"
#include "try/table_cell.hpp"
#include "try/verdicts.hpp"

namespace tools::try_scenes {
namespace {

constexpr const char* indent = "   ";

/// polder's figure seen from malloc's. `more` and `less` are the words for the two directions.
struct comparison {
    std::string text;
    bool differs = false;
    bool more = false;

    comparison(double with_malloc, double with_polder, const char* more_word, const char* less_word) {
        differs = true;
        more = with_polder > with_malloc;
        const double factor = with_malloc > 0 ? with_polder / with_malloc : 0;
        if (with_malloc == with_polder || (factor > 0.95 && factor < 1.05)) {
            differs = false;
            text = "about the same";
        } else if (with_polder == 0) {
            text = "none";
        } else if (with_malloc == 0) {
            text = "none with malloc";
        } else {
            text = more ? fmt::format("{} x {}", format_factor(factor), more_word)
                        : fmt::format("{} x {}", format_factor(1 / factor), less_word);
        }
    }

    std::string coloured(bool more_is_good, const palette& colours) const {
        if (!differs) return colours.faint(text);
        return more == more_is_good ? colours.good(text) : colours.caution(text);
    }
};

std::vector<double> speeds_of(const std::vector<pipeline_figures>& runs) {
    std::vector<double> speeds;
    for (const pipeline_figures& run : runs) speeds.push_back(run.bytes_per_second() / 1e6);
    return speeds;
}

/// "7 % faster"; nothing is said of a difference that is smaller than the spread of the runs.
comparison compare_throughput(const pipeline_scene& scene) {
    const double with_malloc = scene.median.malloc.bytes_per_second();
    const double with_polder = scene.median.polder.bytes_per_second();
    comparison result(with_malloc, with_polder, "", "");
    const double percent = (with_polder / with_malloc - 1) * 100;
    result.differs = std::abs(percent) >= 2 && runs_agree(speeds_of(scene.runs.malloc), speeds_of(scene.runs.polder));
    result.text = result.differs ? fmt::format("{:.0f} % {}", std::abs(percent), percent > 0 ? "faster" : "slower")
                                 : "about the same (runs overlap)";
    return result;
}

std::string row(std::string_view name, std::string_view which, std::string_view with_malloc, std::string_view with_polder,
                std::string_view compared) {
    std::string line = fmt::format("{}{:<24}{:<5}{:>16}{:>16}   {}", indent, name, which, with_malloc, with_polder, compared);
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

std::string time_rows(const char* name, const operation_times& with_malloc, const operation_times& with_polder,
                      const palette& colours) {
    const auto line = [&](const char* first, const char* which, double a, double b) {
        return row(first, which, format_duration(a), format_duration(b),
                   comparison(a, b, "longer", "shorter").coloured(false, colours));
    };
    return line(name, "p50", with_malloc.p50, with_polder.p50) + line("", "p99", with_malloc.p99, with_polder.p99) +
           line("", "max", with_malloc.max, with_polder.max);
}

std::string count_row(const char* name, std::uint64_t a, std::uint64_t b, const palette& colours) {
    const comparison compared(static_cast<double>(a), static_cast<double>(b), "more", "fewer");
    return row(name, "", format_count(a), format_count(b), compared.coloured(false, colours));
}

std::string copies_cell(const pipeline_figures& figures) {
    if (figures.copies == 0) return "0";
    return fmt::format("{} ({})", format_count(figures.copies), format_size(figures.copied_bytes));
}

std::string speed_cell(double bytes_per_second) {
    return fmt::format("{} MB/s", format_count(static_cast<std::uint64_t>(bytes_per_second / 1e6)));
}

std::string spread_cell(const std::vector<pipeline_figures>& runs) {
    const std::vector<double> speeds = speeds_of(runs);
    const auto [least, most] = std::ranges::minmax(speeds);
    return fmt::format("{:.0f} to {:.0f}", least, most);
}

std::string verdict_cell(verdict says, const palette& colours) {
    const std::string text = to_string(says);
    switch (says) {
        case verdict::pool_pays:
            return colours.good(text);
        case verdict::malloc_is_faster:
            return colours.caution(text);
        case verdict::runs_disagree:
        case verdict::no_difference:
        case verdict::not_run:
            return colours.faint(text);
    }
    return text;
}

std::string table_row(const table_cell& cell, const palette& colours) {
    if (cell.says == verdict::not_run)
        return wrap_text(fmt::format("{:<10}{}: {}", format_size(cell.size), verdict_cell(cell.says, colours), cell.why_not),
                         indent);
    const comparison compared(cell.ns.polder, cell.ns.malloc, "faster", "slower");
    return fmt::format("{}{:<10}{:>11}{:>12}{:>17}{:>12}{:>9}    {}\n", indent, format_size(cell.size),
                       format_duration(cell.ns.malloc), format_duration(cell.ns.polder), compared.text,
                       format_rate(cell.faults.malloc), format_rate(cell.faults.polder), verdict_cell(cell.says, colours));
}

std::string pipeline_in_short(const pipeline_scene& scene) {
    if (!scene.failure.empty()) return "it could not run.";
    const pipeline_figures& a = scene.median.malloc;
    const pipeline_figures& b = scene.median.polder;
    const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
    return fmt::format("with polder, throughput: {}; processor time: {}; page faults once warm: {}; peak memory: {}; copies: {}.",
                       compare_throughput(scene).text, comparison(a.cpu_ns_per_gib(), b.cpu_ns_per_gib(), "more", "less").text,
                       comparison(number(a.measured_faults), number(b.measured_faults), "more", "fewer").text,
                       comparison(number(a.rss_peak_bytes), number(b.rss_peak_bytes), "more", "less").text,
                       comparison(number(a.copies), number(b.copies), "more", "fewer").text);
}

std::string table_in_short(const table_scene& scene) {
    const auto count = [&](verdict says) {
        return std::ranges::count_if(scene.cells, [&](const table_cell& cell) { return cell.says == says; });
    };
    const auto disagree = count(verdict::runs_disagree);
    std::string text =
        fmt::format("of {} cases a pool pays in {}, makes no difference in {}, and malloc is faster in {}{}.", scene.cells.size(),
                    count(verdict::pool_pays), count(verdict::no_difference), count(verdict::malloc_is_faster),
                    disagree == 0 ? "" : fmt::format("; in {} the runs disagree", disagree));
    const table_cell* worst = nullptr;
    for (const table_cell& cell : scene.cells)
        if (cell.says != verdict::not_run && (worst == nullptr || cell.factor() < worst->factor())) worst = &cell;
    if (worst != nullptr && worst->factor() < 1)
        text += fmt::format(" polder at its worst: {} at {}, {} against malloc's {}.", name_of(worst->how),
                            format_size(worst->size), format_duration(worst->ns.polder), format_duration(worst->ns.malloc));
    return text;
}

}  // namespace

std::string machine_text(const machine_facts& machine, const palette& colours) {
    std::string text = colours.heading("polder try: the same work with malloc and with polder, on this machine") + "\n";
    text += wrap_text(fmt::format("{}, {} CPU{}, {} of memory", machine.cpu, machine.cpus, machine.cpus == 1 ? "" : "s",
                                  format_size(machine.memory_bytes)),
                      indent);
    text += wrap_text(fmt::format("{}, {}, built with {}; polder's caches per CPU: {}", machine.kernel, machine.libc,
                                  machine.compiler, machine.cache_status),
                      indent);
    if (machine.instrumented)
        text += wrap_text(
            colours.caution("This is a debug or sanitizer build: its times say nothing. ./try builds the one that counts."),
            indent);
    return text;
}

std::string pipeline_text(const pipeline_scene& scene, const machine_facts& machine, const palette& colours) {
    std::string text =
        "\n" + colours.heading("1. Moving a real file: reader -> parser -> writer -> socket -> receiver, a thread each") + "\n";
    if (!scene.failure.empty()) return text + wrap_text(colours.bad("It could not run: " + scene.failure), indent);
    const pipeline_figures& a = scene.median.malloc;
    const pipeline_figures& b = scene.median.polder;
    const bool whole_file = scene.pass_bytes % scene.file_bytes == 0;
    text += wrap_text(fmt::format("{} ({}{}), again and again, through {}: {} per run in {} messages of {}.", scene.file,
                                  format_size(scene.file_bytes), whole_file ? "" : ", its first " + format_size(scene.pass_bytes),
                                  scene.transport, format_size(scene.passes * scene.pass_bytes), format_count(a.messages),
                                  message_sizes::in_words),
                      indent);
    if (!scene.note.empty()) text += wrap_text(colours.caution("Note: " + scene.note + "."), indent);
    text += wrap_text(
                fmt::format(
                    "The figures are medians of {} runs each, malloc and polder in turns, after a warm-up of a third of each run. "
                    "Reading the clock is part of each time: {}.",
                    scene.runs.malloc.size(), format_duration(machine.clock_ns)),
                indent) +
            "\n";

    const comparison memory(static_cast<double>(a.rss_peak_bytes), static_cast<double>(b.rss_peak_bytes), "more", "less");
    const comparison copies(static_cast<double>(a.copies), static_cast<double>(b.copies), "more", "fewer");
    text += row("", "", "malloc", "polder", "with polder");
    text += row("throughput", "", speed_cell(a.bytes_per_second()), speed_cell(b.bytes_per_second()),
                compare_throughput(scene).coloured(true, colours));
    text += row("  slowest, fastest run", "", spread_cell(scene.runs.malloc), spread_cell(scene.runs.polder), "");
    text += row("processor time per GiB", "", format_duration(a.cpu_ns_per_gib()), format_duration(b.cpu_ns_per_gib()),
                comparison(a.cpu_ns_per_gib(), b.cpu_ns_per_gib(), "more", "less").coloured(false, colours));
    text += time_rows("getting a buffer", a.get, b.get, colours);
    text += time_rows("cutting one in two", a.cut, b.cut, colours);
    text += time_rows("giving it back", a.give_back, b.give_back, colours);
    text += count_row("page faults, warming up", a.warm_up_faults, b.warm_up_faults, colours);
    text += count_row("page faults, once warm", a.measured_faults, b.measured_faults, colours);
    text +=
        row("peak memory (RSS)", "", format_size(a.rss_peak_bytes), format_size(b.rss_peak_bytes), memory.coloured(false, colours));
    text += row("copies between buffers", "", copies_cell(a), copies_cell(b), copies.coloured(false, colours));
    text += scene.same_bytes ? row("arrived unchanged", "", "yes", "yes", fmt::format("XXH64 {:016x}", scene.hash))
                             : row("arrived unchanged", "", "", "", colours.bad("NO: bytes were lost or changed"));
    text += "\n" + wrap_text("p50: half of them took no longer; p99: 99 in 100 took no longer; max: the longest of all.", indent);
    return text;
}

std::string table_text(const table_scene& scene, const palette& colours) {
    std::string text = "\n" + colours.heading("2. Where a pool pays: time and page faults per buffer, once warm") + "\n";
    text += fmt::format("{}{:<10}{:>11}{:>12}{:>17}{:>21}\n", indent, "", "", "", "", "page faults");
    text += fmt::format("{}{:<10}{:>11}{:>12}{:>17}{:>12}{:>9}\n", indent, "size", "malloc", "polder", "with polder", "malloc",
                        "polder");
    for (const pattern how : all_patterns) {
        text += fmt::format("\n{}{}: {}\n", indent, colours.heading(name_of(how)), description_of(how));
        for (const table_cell& cell : scene.cells)
            if (cell.how == how) text += table_row(cell, colours);
    }
    text += "\n";
    for (const std::string& sentence : scene.sentences) text += wrap_text(sentence, indent);
    text += wrap_text(fmt::format("A difference counts from {} x on, and only where the runs agree. Hand-off is told in wall time, "
                                  "which other programs disturb; the others in processor time.",
                                  factor_that_counts),
                      indent);
    return text;
}

std::string misuse_text(const misuse_scene& scene, const palette& colours) {
    const auto shown = [&](const std::string& report, bool caught) {
        return wrap_text(caught ? report : colours.bad("This did not happen: " + report), "     | ");
    };
    std::string text = "\n" + colours.heading("3. Mistakes, made on purpose") + "\n";
    text += wrap_text("A buffer of pool \"orders\" is given back twice. The program is stopped, in release builds too:", indent);
    text += shown(scene.double_release_report, scene.double_release_caught);
    text += wrap_text(
        "A loop forgets to give buffers back; its pool may have 8 MiB. The next acquire throws, and says who has them:", indent);
    text += shown(scene.exhausted_report, scene.exhausted_caught);
    return text;
}

std::string ending_text(const report& found, const palette& colours) {
    std::string text = "\n" + colours.heading("In short") + "\n";
    text += wrap_text("Pipeline: " + pipeline_in_short(found.pipeline), indent);
    text += wrap_text("Table: " + table_in_short(found.table), indent);
    if (!found.fault_made.empty())
        text += wrap_text(colours.caution("POLDER_TRY_FAULT=" + found.fault_made + ": something was broken on purpose."), indent);

    text += "\n" + colours.heading("What must hold on every machine") + "\n";
    std::size_t kept = 0;
    std::size_t judged = 0;
    for (const promise& each : found.promises) {
        judged += each.judged ? 1 : 0;
        kept += each.judged && each.kept ? 1 : 0;
        const std::string sign = !each.judged ? colours.faint("?     ")
                                 : each.kept  ? colours.good("ok    ")
                                              : colours.bad("BROKEN");
        const std::string words = wrap_text(fmt::format("{}: {}", each.text, each.found), "          ");
        text += indent + sign + words.substr(9);
    }
    text +=
        fmt::format("\n{} of {} kept, in {:.0f} s. Next: `polder try YOUR_FILE`, and \"Quickstart\" in README.md.\n",
                    kept == judged ? colours.good(std::to_string(kept)) : colours.bad(std::to_string(kept)), judged, found.seconds);
    return text;
}

}  // namespace tools::try_scenes
