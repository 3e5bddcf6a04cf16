// SPDX-License-Identifier: Apache-2.0
//
// One function per subcommand of `polder`: it adds itself to the command line and, when it was chosen, runs and sets the exit code.
#pragma once

#include <CLI/App.hpp>

namespace tools {

/// What the process ends with. An interrupt ends it by the signal itself.
enum exit_code : int {
    exit_ok = 0,
    exit_not_shown = 1,  ///< something ran and did not show what it promises
    exit_usage = 2,      ///< the command line or a file it names is wrong; nothing ran
};

void add_try_command(CLI::App& app, int& exit_code);

}  // namespace tools
