#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests of the coverage preset and prints, per source file of the library, how many lines were executed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cmake --preset coverage
cmake --build --preset coverage
find build/coverage -name '*.gcda' -delete
ctest --preset coverage --parallel "$(nproc)" "$@"

cd build/coverage
find . -path '*/polder.dir/*' -name '*.gcda' -print0 |
    xargs -0 gcov --no-output --source-prefix "$(cd ../.. && pwd)" --relative-only 2>/dev/null |
    awk -F"'" '/^File/ {file = $2} /^Lines executed/ {sub(/Lines executed:/, ""); if (file != "") print $0 "  " file; file = ""}' |
    sort -t: -k1,1n -u
