#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scripts/tidy.sh [file...]: clang-tidy over the library's sources (or the named ones), with the checks of .clang-tidy.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ -f build/release-clang/compile_commands.json ]] || cmake --preset release-clang >/dev/null
[[ $# -gt 0 ]] || mapfile -t -d '' files < <(find src -name '*.cpp' -print0)
printf '%s\0' "${files[@]:-$@}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build/release-clang --quiet
