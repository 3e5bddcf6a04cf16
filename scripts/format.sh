#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# scripts/format.sh          formats the C++ files that differ from the last commit
# scripts/format.sh --all    formats all of them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == --all ]]; then
    list=(git ls-files --cached --others --exclude-standard)
else
    list=(git ls-files --modified --others --exclude-standard)
fi
"${list[@]}" | grep -E '\.(hpp|cpp)$' | while read -r file; do [[ ! -f $file ]] || printf '%s\0' "$file"; done |
    xargs -0 --no-run-if-empty clang-format -i
