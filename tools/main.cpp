// SPDX-License-Identifier: Apache-2.0
//
// The command `polder`: reads the command line and leaves the rest to one subcommand, each in a file of its own.
#include <fmt/format.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "subcommands.hpp"

int main(int argument_count, char** arguments) {
    CLI::App app{"polder: memory that comes back. Buffer pools for programs that move bytes.", "polder"};
    app.require_subcommand(1);
    app.get_formatter()->column_width(18);
    app.footer("Begin with `polder try`; `polder SUBCOMMAND --help` says more.");

    int exit_code = tools::exit_ok;
    tools::add_try_command(app, exit_code);

    try {
        app.parse(argument_count, arguments);
    } catch (const CLI::Success& asked_for_help) {
        return app.exit(asked_for_help);
    } catch (const CLI::ParseError& wrong) {
        // A word that is no subcommand is reported as a missing one; name it instead.
        const std::vector<std::string> unknown = app.remaining();
        const std::string what =
            app.get_subcommands().empty() && !unknown.empty() ? "unknown subcommand " + unknown.front() : wrong.what();
        fmt::print(stderr, "polder: {}\nSee `polder --help` or `polder try --help`.\n", what);
        return tools::exit_usage;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "polder: {}\n", failure.what());
        return tools::exit_not_shown;
    }
    return exit_code;
}
