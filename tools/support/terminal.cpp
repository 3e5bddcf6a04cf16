// SPDX-License-Identifier: Apache-2.0
#include "support/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace tools {

palette::palette() {
    const char* no_color = std::getenv("NO_COLOR");
    const char* term = std::getenv("TERM");
    const bool refused = (no_color != nullptr && *no_color != '\0') || (term != nullptr && std::string_view(term) == "dumb");
    on_ = !refused && ::isatty(STDOUT_FILENO) == 1;
}

std::string palette::wrap(std::string_view code, std::string_view text) const {
    return on_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

progress::progress() : start_(std::chrono::steady_clock::now()), on_(::isatty(STDERR_FILENO) == 1) {}

void progress::show(std::string_view what) {
    if (!on_) return;
    const auto elapsed = std::chrono::steady_clock::now() - start_;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
    fmt::print(stderr, "\r\x1b[K[{:2} s] {}", seconds, what);
    std::fflush(stderr);
    visible_ = true;
}

void progress::clear() {
    if (!visible_) return;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    visible_ = false;
}

std::string wrap_text(std::string_view text, std::string_view indent, std::size_t width) {
    std::string out;
    while (!text.empty()) {
        const std::size_t line_end = text.find('\n');
        std::string_view line = text.substr(0, line_end);
        text = line_end == std::string_view::npos ? std::string_view{} : text.substr(line_end + 1);
        const std::size_t room = width > indent.size() ? width - indent.size() : 1;
        while (line.size() > room) {
            std::size_t cut = line.rfind(' ', room);
            if (cut == std::string_view::npos || cut == 0) cut = line.find(' ', room);
            if (cut == std::string_view::npos) break;
            out.append(indent).append(line.substr(0, cut)).append("\n");
            line.remove_prefix(cut + 1);
        }
        out.append(indent).append(line).append("\n");
    }
    return out;
}

}  // namespace tools
