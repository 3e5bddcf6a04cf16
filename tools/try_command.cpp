// SPDX-License-Identifier: Apache-2.0
//
// `polder try [FILE]`: one minute that shows what a pool does on this machine, and where it does nothing.
#include <fmt/format.h>
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "subcommands.hpp"
#include "support/child.hpp"
#include "support/terminal.hpp"
#include "try/fault.hpp"
#include "try/json.hpp"
#include "try/machine.hpp"
#include "try/misuse.hpp"
#include "try/pipeline.hpp"
#include "try/promises.hpp"
#include "try/source.hpp"
#include "try/table.hpp"
#include "try/text.hpp"

namespace tools {
namespace {

struct try_options {
    std::string file;
    bool quick = false;
    bool json = false;
};

constexpr const char* footer = R"(What it does, in about a minute (--quick: 8 seconds):
  1. Moves FILE, some GiB of it, through four threads and a loopback socket: five times with
     malloc, five times with polder, in turns, each in a process of its own. Checks every byte.
  2. Measures buffers of 64 bytes to 64 MiB in three patterns and says where a pool pays on this
     machine, where it makes no difference, and where malloc is faster.
  3. Gives a buffer back twice and lets a pool run full, and shows what polder says.

What must hold on every machine; otherwise the exit code is 1:
  - every byte arrives, in order, in every run
  - every buffer comes home, by polder's own count
  - once warm, polder's buffers change threads without page faults
  - the double release and the full pool are caught, with a report that names what is wrong
Nothing is promised about times: they are told as they are found, also where malloc wins.

Exit codes: 0 all shown, 1 something not shown, 2 wrong options or FILE cannot be used.
Standard output carries the report, standard error progress (on a terminal) and error messages.
NO_COLOR is respected. It needs no network, no root and no room on disk, and leaves nothing behind.

Examples:
  polder try                     a file that every system has
  polder try big.log             your own; of a long one, the first 64 MiB
  polder try --json | jq .pipeline.throughput_factor

To see that it notices: POLDER_TRY_FAULT=flip_byte polder try --quick
)";

/// Each part is printed when it is there, unless JSON was asked for.
int run_try(const try_options& options) {
    using namespace try_scenes;
    const auto start = std::chrono::steady_clock::now();
    install_interrupt_handlers();
    progress line;
    const palette colours;
    const auto tell = [&](const std::string& text) {
        line.clear();
        if (options.json) return;
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    };

    const fault made = fault_wanted();
    const source from(options.file);
    report found;
    found.quick = options.quick;
    if (made != fault::none) found.fault_made = fault_names.at(static_cast<std::size_t>(made));
    found.machine = look_at_machine();
    tell(machine_text(found.machine, colours));
    found.pipeline = show_pipeline(from, options.quick, made, line);
    tell(pipeline_text(found.pipeline, found.machine, colours));
    found.table = show_table(options.quick, made, line);
    tell(table_text(found.table, colours));
    found.misuse = show_misuse(made, line);
    tell(misuse_text(found.misuse, colours));
    found.promises = judge(found);
    found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    tell(ending_text(found, colours));
    if (options.json) std::fputs(json_text(found).c_str(), stdout);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        fmt::print(stderr, "polder: the report could not be written to standard output\n");
        return exit_not_shown;
    }
    return found.ok() ? exit_ok : exit_not_shown;
}

}  // namespace

void add_try_command(CLI::App& app, int& exit_code) {
    const auto options = std::make_shared<try_options>();
    CLI::App* const command = app.add_subcommand("try", "Show in a minute what a buffer pool does on this machine, good and bad");
    command->get_formatter()->column_width(18);
    command->add_option("FILE", options->file, "A file to move (default: one that every system has)")->type_name("");
    command->add_flag("--quick", options->quick, "Fewer and shorter runs: 8 seconds, rougher figures");
    command->add_flag("--json", options->json, "One JSON document instead of text");
    command->footer(footer);
    command->callback([command, options, &exit_code] {
        try {
            if (command->count("FILE") > 0 && options->file.empty()) throw try_scenes::source_error("FILE is an empty name");
            exit_code = run_try(*options);
        } catch (const try_scenes::source_error& wrong) {
            fmt::print(stderr, "polder try: {}\n", wrong.what());
            exit_code = exit_usage;
        } catch (const std::invalid_argument& wrong) {
            fmt::print(stderr, "polder try: {}\n", wrong.what());
            exit_code = exit_usage;
        }
    });
}

}  // namespace tools
