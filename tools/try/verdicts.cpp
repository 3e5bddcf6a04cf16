// SPDX-License-Identifier: Apache-2.0
#include "try/verdicts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "support/numbers.hpp"

namespace tools::try_scenes {
namespace {

/// Values at one quarter and three quarters of the sorted runs: most runs lie between.
std::pair<double, double> middle_half(std::vector<double> runs) {
    std::sort(runs.begin(), runs.end());
    const std::size_t skip = runs.size() / 4;
    return {runs[skip], runs[runs.size() - 1 - skip]};
}

/// The sizes with this verdict, as ranges between neighbours: "1 KiB (1024 bytes) to 4 KiB (4096 bytes), and at 1 MiB (…)".
std::string ranges_of(const std::vector<const table_cell*>& row, verdict wanted) {
    std::string text;
    for (std::size_t first = 0; first < row.size(); ++first) {
        if (row[first]->says != wanted) continue;
        std::size_t last = first;
        while (last + 1 < row.size() && row[last + 1]->says == wanted) ++last;
        if (!text.empty()) text += ", and ";
        const std::string from = format_threshold(row[first]->size);
        if (last == first)
            text += "at " + from;
        else if (last + 1 == row.size())
            text += "from " + from + " up";
        else
            text += "from " + from + " to " + format_threshold(row[last]->size);
        first = last;
    }
    return text;
}

std::pair<double, double> factors_of(const std::vector<const table_cell*>& row, verdict wanted, bool inverse) {
    double least = INFINITY;
    double most = 0;
    for (const table_cell* cell : row) {
        if (cell->says != wanted) continue;
        const double factor = inverse ? 1 / cell->factor() : cell->factor();
        least = std::min(least, factor);
        most = std::max(most, factor);
    }
    return {least, most};
}

std::string factor_text(std::pair<double, double> factors) {
    const std::string least = format_factor(factors.first);
    const std::string most = format_factor(factors.second);
    return least == most ? least + " times" : least + " to " + most + " times";
}

std::string sentence_for(const std::vector<const table_cell*>& row) {
    const std::string pays = ranges_of(row, verdict::pool_pays);
    const std::string name = name_of(row.front()->how);
    if (pays.empty()) return fmt::format("{}: a pool does not pay at any size measured.", name);
    double saved_least = INFINITY;
    for (const table_cell* cell : row)
        if (cell->says == verdict::pool_pays) saved_least = std::min(saved_least, cell->ns.malloc - cell->ns.polder);
    std::string text = fmt::format("{}: a pool pays {}: {} faster", name, pays, factor_text(factors_of(row, verdict::pool_pays, false)));
    if (saved_least < 100)
        text += fmt::format(", but as little as {} per buffer: worth it only where buffers come by the million", format_duration(saved_least));
    const std::string level = ranges_of(row, verdict::no_difference);
    if (!level.empty()) text += fmt::format(". No difference {}", level);
    return text + ".";
}

}  // namespace

verdict verdict_of(const table_cell& cell) {
    const auto [malloc_low, malloc_high] = middle_half(cell.runs.malloc);
    const auto [polder_low, polder_high] = middle_half(cell.runs.polder);
    const double difference = std::abs(cell.ns.malloc - cell.ns.polder);
    if (difference < ns_that_count) return verdict::no_difference;
    if (cell.ns.malloc >= factor_that_counts * cell.ns.polder && malloc_low > polder_high) return verdict::pool_pays;
    if (cell.ns.polder >= factor_that_counts * cell.ns.malloc && polder_low > malloc_high) return verdict::malloc_is_fine;
    return verdict::no_difference;
}

const char* to_string(verdict says) noexcept {
    switch (says) {
        case verdict::pool_pays: return "pool pays";
        case verdict::no_difference: return "no difference";
        case verdict::malloc_is_fine: return "malloc is fine";
        case verdict::not_run: return "not run";
    }
    return "not run";
}

const char* name_of(pattern how) noexcept {
    switch (how) {
        case pattern::same_thread: return "Same thread";
        case pattern::hand_off: return "Hand-off to another thread";
        case pattern::burst: return "Bursts of 16";
    }
    return "";
}

const char* description_of(pattern how) noexcept {
    switch (how) {
        case pattern::same_thread: return "get, write one byte in each page, give back";
        case pattern::hand_off: return "get, write one byte in each page; the other thread reads it and gives back";
        case pattern::burst: return "get 16, write every byte of each, give all back";
    }
    return "";
}

std::vector<std::string> sentences_for(const std::vector<table_cell>& cells) {
    std::vector<std::string> sentences;
    std::string losses;
    for (const pattern how : all_patterns) {
        std::vector<const table_cell*> row;
        for (const table_cell& cell : cells)
            if (cell.how == how && cell.says != verdict::not_run) row.push_back(&cell);
        if (row.empty()) continue;
        sentences.push_back(sentence_for(row));
        const std::string lost = ranges_of(row, verdict::malloc_is_fine);
        if (lost.empty()) continue;
        losses += fmt::format("{}{} {} ({} slower)", losses.empty() ? "" : "; ", name_of(how), lost,
                              factor_text(factors_of(row, verdict::malloc_is_fine, true)));
    }
    if (sentences.empty()) return {"Nothing could be measured."};
    sentences.push_back(losses.empty() ? "polder was slower than malloc nowhere in this table."
                                       : "polder loses here, stay with malloc: " + losses + ".");
    return sentences;
}

}  // namespace tools::try_scenes
