// SPDX-License-Identifier: Apache-2.0
#include "try/verdicts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

/// The sizes with this verdict, as ranges between neighbours: "from 1 KiB to 4 KiB, and at 1 MiB".
std::string ranges_of(const std::vector<const table_cell*>& row, verdict wanted) {
    std::string text;
    for (std::size_t first = 0; first < row.size(); ++first) {
        if (row[first]->says != wanted) continue;
        std::size_t last = first;
        while (last + 1 < row.size() && row[last + 1]->says == wanted) ++last;
        if (!text.empty()) text += ", and ";
        if (first == 0 && last + 1 == row.size())
            text += "at every size";
        else if (last == first)
            text += "at " + format_size(row[first]->size);
        else if (last + 1 == row.size())
            text += fmt::format("from {} up", format_size(row[first]->size));
        else
            text += fmt::format("from {} to {}", format_size(row[first]->size), format_size(row[last]->size));
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

/// "4 ns", or "4 ns to 1.2 us": how much longer `slower` takes in the cells with this verdict.
std::string difference_text(const std::vector<const table_cell*>& row, verdict wanted) {
    double least = INFINITY;
    double most = 0;
    for (const table_cell* cell : row) {
        if (cell->says != wanted) continue;
        const double difference = std::abs(cell->ns.malloc - cell->ns.polder);
        least = std::min(least, difference);
        most = std::max(most, difference);
    }
    const std::string from = format_duration(least);
    const std::string to = format_duration(most);
    return from == to ? from : from + " to " + to;
}

std::string sentence_for(const std::vector<const table_cell*>& row) {
    std::vector<std::string> parts;
    const auto part = [&](verdict says, const char* begins) {
        const std::string ranges = ranges_of(row, says);
        if (ranges.empty()) return;
        std::string text = begins + ranges;
        if (says == verdict::pool_pays || says == verdict::malloc_is_faster)
            text += fmt::format(" ({} faster, {} less for each)",
                                factor_text(factors_of(row, says, says == verdict::malloc_is_faster)), difference_text(row, says));
        parts.push_back(text);
    };
    part(verdict::pool_pays, "a pool pays ");
    part(verdict::no_difference, "no difference ");
    part(verdict::malloc_is_faster, "malloc is faster ");
    part(verdict::runs_disagree, "the runs disagree ");
    return fmt::format("{}: {}.", name_of(row.front()->how), fmt::join(parts, "; "));
}

}  // namespace

bool runs_agree(const std::vector<double>& one, const std::vector<double>& other) {
    const auto [one_low, one_high] = middle_half(one);
    const auto [other_low, other_high] = middle_half(other);
    return one_low > other_high || other_low > one_high;
}

verdict verdict_of(const table_cell& cell) {
    const bool polder_wins = cell.ns.malloc >= factor_that_counts * cell.ns.polder;
    const bool malloc_wins = cell.ns.polder >= factor_that_counts * cell.ns.malloc;
    if (!polder_wins && !malloc_wins) return verdict::no_difference;
    if (!runs_agree(cell.runs.malloc, cell.runs.polder)) return verdict::runs_disagree;
    return polder_wins ? verdict::pool_pays : verdict::malloc_is_faster;
}

const char* to_string(verdict says) noexcept {
    switch (says) {
        case verdict::pool_pays:
            return "pool pays";
        case verdict::no_difference:
            return "no difference";
        case verdict::malloc_is_faster:
            return "malloc is faster";
        case verdict::runs_disagree:
            return "runs disagree";
        case verdict::not_run:
            return "not run";
    }
    return "not run";
}

const char* name_of(pattern how) noexcept {
    switch (how) {
        case pattern::same_thread:
            return "Same thread";
        case pattern::hand_off:
            return "Hand-off";
        case pattern::burst:
            return "Bursts of 16";
    }
    return "";
}

const char* description_of(pattern how) noexcept {
    switch (how) {
        case pattern::same_thread:
            return "get, write one byte in each page, give back";
        case pattern::hand_off:
            return "get, write one byte in each page; another thread reads them and gives back";
        case pattern::burst:
            return "get 16, write every byte of each, give all back";
    }
    return "";
}

std::vector<std::string> sentences_for(const std::vector<table_cell>& cells) {
    std::vector<std::string> sentences;
    for (const pattern how : all_patterns) {
        std::vector<const table_cell*> row;
        for (const table_cell& cell : cells)
            if (cell.how == how && cell.says != verdict::not_run) row.push_back(&cell);
        if (!row.empty()) sentences.push_back(sentence_for(row));
    }
    if (sentences.empty()) sentences.emplace_back("Nothing could be measured.");
    return sentences;
}

}  // namespace tools::try_scenes
