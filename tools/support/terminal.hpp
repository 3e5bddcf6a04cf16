// SPDX-License-Identifier: Apache-2.0
//
// What a terminal adds to plain text: colour, and one line that says what is going on. Neither reaches a pipe or a file.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace tools {

/// Wraps text in colour, or leaves it alone: standard output is no terminal, NO_COLOR is set, or TERM is "dumb".
class palette {
public:
    palette();
    std::string heading(std::string_view text) const { return wrap("1", text); }
    std::string good(std::string_view text) const { return wrap("32", text); }
    std::string caution(std::string_view text) const { return wrap("33", text); }
    std::string bad(std::string_view text) const { return wrap("1;31", text); }
    std::string faint(std::string_view text) const { return wrap("2", text); }

private:
    std::string wrap(std::string_view code, std::string_view text) const;
    bool on_ = false;
};

/// One line on standard error, rewritten in place while something runs; silent when standard error is no terminal.
class progress {
public:
    progress();
    ~progress() { clear(); }
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

    void show(std::string_view what);
    void clear();

private:
    std::chrono::steady_clock::time_point start_;
    bool on_ = false;
    bool visible_ = false;
};

/// Breaks text between words into lines of at most `width`, each begun with `indent`. Existing line breaks are kept.
std::string wrap_text(std::string_view text, std::string_view indent, std::size_t width = 100);

}  // namespace tools
