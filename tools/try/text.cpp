// SPDX-License-Identifier: Apache-2.0
#include "try/text.hpp"

#include <fmt/format.h>

#include <cmath>

#include "support/numbers.hpp"
#include "try/message_sizes.hpp"
#include "try/table_cell.hpp"
#include "try/verdicts.hpp"

namespace tools::try_scenes {
namespace {

constexpr const char* indent = "   ";

/// "1.32 x as much", "292 x fewer": polder's figure seen from malloc's. `more` and `fewer` are the words for the two directions.
std::string comparison(double with_malloc, double with_polder, const char* more, const char* fewer) {
    if (with_malloc == 0 && with_polder == 0) return "the same";
    if (with_polder == 0) return "none instead";
    if (with_malloc == 0) return "none with malloc";
    const double factor = with_polder / with_malloc;
    if (factor > 0.95 && factor < 1.05) return "about the same";
    return factor >= 1 ? fmt::format("{} x {}", format_factor(factor), more) : fmt::format("{} x {}", format_factor(1 / factor), fewer);
}

std::string row(const char* name, const std::string& with_malloc, const std::string& with_polder, const std::string& compared) {
    return fmt::format("{}{:<20}{:>20}{:>20}   {}\n", indent, name, with_malloc, with_polder, compared);
}

std::string time_rows(const char* name, const operation_times& with_malloc, const operation_times& with_polder) {
    const auto line = [&](const char* first, const char* which, double a, double b) {
        return row(fmt::format("{:<16}{}", first, which).c_str(), format_duration(a), format_duration(b), comparison(a, b, "longer", "shorter"));
    };
    return line(name, "p50", with_malloc.p50, with_polder.p50) + line("", "p99", with_malloc.p99, with_polder.p99) +
           line("", "max", with_malloc.max, with_polder.max);
}

std::string copies_cell(const pipeline_figures& figures) {
    if (figures.copies == 0) return "0";
    return fmt::format("{} ({})", format_count(figures.copies), format_size(figures.copied_bytes));
}

/// The ratio in words.
std::string in_words(const pipeline_figures& with_malloc, const pipeline_figures& with_polder) {
    const double factor = with_polder.bytes_per_second() / with_malloc.bytes_per_second();
    std::string text;
    if (factor >= 1.05)
        text = fmt::format("With polder the same bytes went through {:.0f} % faster", (factor - 1) * 100);
    else if (factor > 0.95)
        text = "With polder the same bytes went through about as fast";
    else
        text = fmt::format("With polder the same bytes went through {:.0f} % slower", (1 - factor) * 100);
    const double faults = static_cast<double>(with_malloc.minor_faults) / std::max(1.0, static_cast<double>(with_polder.minor_faults));
    if (faults >= 1.05)
        text += fmt::format(", with 1 page fault where malloc has {}", format_factor(faults));
    else if (faults > 0.95)
        text += ", with about as many page faults";
    else
        text += fmt::format(", with {} times the page faults", format_factor(1 / faults));
    const double memory = static_cast<double>(with_polder.rss_peak_bytes) / static_cast<double>(with_malloc.rss_peak_bytes);
    if (memory >= 1.05)
        text += fmt::format(", and {} times the memory at its peak", format_factor(memory));
    else if (memory > 0.95)
        text += ", and about as much memory at its peak";
    else
        text += fmt::format(", and {:.0f} % of the memory at its peak", memory * 100);
    return text + ".";
}

std::string times_of_runs(const std::vector<pipeline_figures>& runs) {
    std::string text;
    for (const pipeline_figures& run : runs) text += fmt::format("{}{:.0f}", text.empty() ? "" : " ", run.bytes_per_second() / 1e6);
    return text;
}

std::string verdict_cell(verdict says, const palette& colours) {
    const std::string text = to_string(says);
    switch (says) {
        case verdict::pool_pays: return colours.good(text);
        case verdict::malloc_is_fine: return colours.caution(text);
        case verdict::no_difference:
        case verdict::not_run: return colours.faint(text);
    }
    return text;
}

std::string table_row(const table_cell& cell, const palette& colours) {
    if (cell.says == verdict::not_run) return fmt::format("{}{:<10} {}: {}\n", indent, format_size(cell.size), verdict_cell(cell.says, colours), cell.why_not);
    return fmt::format("{}{:<10}{:>13}{:>13}{:>12}   {}\n", indent, format_size(cell.size), format_duration(cell.ns.malloc),
                       format_duration(cell.ns.polder), format_factor(cell.factor()), verdict_cell(cell.says, colours));
}

}  // namespace

std::string machine_text(const machine_facts& machine, const palette& colours) {
    std::string text = colours.heading("polder try: what a buffer pool does on this machine") + "\n";
    text += wrap_text(fmt::format("{}, {} CPU{}, {} of memory, {}, {}, built with {}, per-CPU caches {}", machine.cpu, machine.cpus,
                                  machine.cpus == 1 ? "" : "s", format_size(machine.memory_bytes), machine.kernel, machine.libc,
                                  machine.compiler, machine.cache_status),
                      indent);
    if (machine.instrumented)
        text += wrap_text(colours.caution("This is a debug or sanitizer build: its times say nothing and are not judged."), indent);
    return text;
}

std::string pipeline_text(const pipeline_scene& scene, const palette& colours) {
    std::string text = "\n" + colours.heading("1. A pipeline: reader -> parser -> writer -> socket -> receiver, each a thread") + "\n";
    if (!scene.failure.empty()) return text + wrap_text(colours.bad("It could not run: " + scene.failure), indent);
    const pipeline_figures& a = scene.median.malloc;
    const pipeline_figures& b = scene.median.polder;
    const bool whole_file = scene.pass_bytes % scene.file_bytes == 0;
    text += wrap_text(fmt::format("{} ({}{}) over and over through {}: {} per run in {} messages ({}).", scene.file, format_size(scene.file_bytes),
                                  whole_file ? "" : ", its first " + format_size(scene.pass_bytes), scene.transport,
                                  format_size(scene.passes * scene.pass_bytes), format_count(a.messages), message_sizes::in_words),
                      indent);
    if (!scene.note.empty()) text += wrap_text(colours.caution("Note: " + scene.note + "."), indent);
    text += wrap_text(fmt::format("Median of {} runs each, taken in turns, each in a process of its own.", scene.runs.malloc.size()), indent) + "\n";

    const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
    text += row("", "malloc", "polder", "polder, seen from malloc");
    text += row("throughput", fmt::format("{} MB/s", format_count(static_cast<std::uint64_t>(a.bytes_per_second() / 1e6))),
                fmt::format("{} MB/s", format_count(static_cast<std::uint64_t>(b.bytes_per_second() / 1e6))),
                comparison(a.bytes_per_second(), b.bytes_per_second(), "faster", "slower"));
    text += time_rows("get a buffer", a.get, b.get);
    text += time_rows("cut its tail off", a.cut, b.cut);
    text += time_rows("give it back", a.give_back, b.give_back);
    text += row("page faults", format_count(a.minor_faults), format_count(b.minor_faults),
                comparison(number(a.minor_faults), number(b.minor_faults), "more", "fewer"));
    text += row("peak memory (RSS)", format_size(a.rss_peak_bytes), format_size(b.rss_peak_bytes),
                comparison(number(a.rss_peak_bytes), number(b.rss_peak_bytes), "more", "less"));
    text += row("copies made", copies_cell(a), copies_cell(b), comparison(number(a.copies), number(b.copies), "more", "fewer"));
    text += row("the same bytes", scene.same_bytes ? "yes" : "-", scene.same_bytes ? "yes" : "-",
                scene.same_bytes ? fmt::format("XXH64 {:016x}, each pass", scene.hash) : colours.bad("NO: bytes were lost or changed"));
    text += "\n" + wrap_text(in_words(a, b), indent);
    text += wrap_text(fmt::format("All runs in MB/s: malloc {}; polder {}.", times_of_runs(scene.runs.malloc), times_of_runs(scene.runs.polder)), indent);
    return text;
}

std::string table_text(const table_scene& scene, const palette& colours) {
    std::string text = "\n" + colours.heading("2. Where a pool pays on this machine: time per buffer") + "\n";
    for (const pattern how : all_patterns) {
        text += fmt::format("{}{}: {}\n", indent, colours.heading(name_of(how)), description_of(how));
        text += fmt::format("{}{:<10}{:>13}{:>13}{:>12}\n", indent, "size", "malloc", "polder", "x faster");
        for (const table_cell& cell : scene.cells)
            if (cell.how == how) text += table_row(cell, colours);
        text += "\n";
    }
    for (const std::string& sentence : scene.sentences) text += wrap_text(sentence, indent);
    text += wrap_text(fmt::format("A difference counts from {} x and {:.0f} ns on, and only where most runs agree.", factor_that_counts, ns_that_count),
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
    text += wrap_text("A loop forgets to give buffers back; its pool may have 8 MiB. The next acquire throws, and says who has them:", indent);
    text += shown(scene.exhausted_report, scene.exhausted_caught);
    return text;
}

std::string ending_text(const report& found, const palette& colours) {
    std::string text = "\n";
    std::size_t kept = 0;
    std::size_t judged = 0;
    for (const promise& each : found.promises) {
        if (!each.judged) continue;
        ++judged;
        if (each.kept) {
            ++kept;
            continue;
        }
        text += wrap_text(colours.bad(fmt::format("NOT KEPT: {} ({}).", each.text, each.found)), "");
    }
    text += fmt::format("{} of {} promises kept, in {:.0f} s.\n",
                        kept == judged ? colours.good(std::to_string(kept)) : colours.bad(std::to_string(kept)), judged, found.seconds);
    text += "Next: `polder try YOUR_FILE`, and \"Quickstart\" in README.md for a program of your own.\n";
    return text;
}

}  // namespace tools::try_scenes
