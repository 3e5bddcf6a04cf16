# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by ./try and ./test: finds out what is missing, says what it will install and why, and installs it on Debian. Says
# nothing and touches nothing when everything is there.
#
#   setup_for try | test

# Debian package | how to see that it is there without Debian (command or header) | what for | essential for
setup_packages='
g++                 | cmd:c++                      | the compiler                                     | try test
cmake               | cmd:cmake                    | configures the build                             | try test
ninja-build         | cmd:ninja                    | runs the build                                   | try test
libcli11-dev        | header:CLI/CLI.hpp           | the arguments of the polder command              | try
nlohmann-json3-dev  | header:nlohmann/json.hpp     | the JSON output of the polder command            | try
libfmt-dev          | header:fmt/format.h          | the text output of the polder command            | try
'
setup_packages_for_tests='
libgtest-dev        | header:gtest/gtest.h         | tests                                            | test
libgmock-dev        | header:gmock/gmock.h         | tests                                            | test
librapidcheck-dev   | header:rapidcheck.h          | model tests: random operations, shrunk failures  |
libbenchmark-dev    | header:benchmark/benchmark.h | benchmarks                                       |
clang-14            | cmd:clang++-14 clang++       | the second compiler                              |
libclang-rt-14-dev  | cmd:clang++-14 clang++       | sanitizers of the second compiler                |
valgrind            | cmd:valgrind                 | conformance tests under memcheck                 |
binutils            | cmd:objdump                  | tests that look at generated code                | test
python3             | cmd:python3                  | the check of layers and names                    |
pkg-config          | cmd:pkg-config               | the test of the pkg-config file                  |
git                 | cmd:git                      | looking at and recording changes                 |
'

setup_say() { printf '%s\n' "$*" >&2; }

setup_trim() { sed 's/^ *//; s/ *$//' <<<"$1"; }

# Is it there? $1 is cmd:<any of these commands> or header:<path under an include folder>.
setup_probe() {
    local name
    case $1 in
        cmd:*)
            [[ $1 == cmd:c++ && -n ${CXX:-} ]] && command -v "${CXX%% *}" >/dev/null && return 0
            # shellcheck disable=SC2086  # a list of words on purpose
            for name in ${1#cmd:}; do
                [[ $name == c++ ]] && { command -v g++ || command -v clang++ || command -v clang++-14; } >/dev/null && return 0
                command -v "$name" >/dev/null && return 0
            done
            return 1 ;;
        header:*)
            [[ -e /usr/include/${1#header:} || -e /usr/local/include/${1#header:} ]] ;;
    esac
}

setup_is_debian() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }

# Prints the lines of the table whose package is not there.
setup_missing() {
    local table=$1 installed='' package probe why essential
    if setup_is_debian; then
        # shellcheck disable=SC2046  # a list of words on purpose
        installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $(awk -F'|' 'NF > 1 {print $1}' <<<"$table") 2>/dev/null)
    fi
    while IFS='|' read -r package probe why essential; do
        package=${package// /}
        [[ -n $package ]] || continue
        probe=$(setup_trim "$probe") why=$(setup_trim "$why")
        if setup_is_debian; then
            grep -qxF "installed $package" <<<"$installed" && continue
            # What was not installed as a package may be there all the same: another compiler, another python.
            [[ $probe == cmd:* && $package != *-dev ]] && setup_probe "$probe" && continue
        else
            setup_probe "$probe" && continue
        fi
        printf '%s|%s|%s|%s\n' "$package" "$probe" "$why" "$essential"
    done <<<"$table"
}

setup_for() {
    local purpose=$1 table=$setup_packages missing packages as_root='' package probe why essential stuck=''
    [[ $purpose == test ]] && table+=$setup_packages_for_tests
    missing=$(setup_missing "$table")
    [[ -n $missing ]] || return 0

    if setup_is_debian; then
        setup_say "polder needs some packages that are not here yet; installing them with apt-get:"
        while IFS='|' read -r package probe why essential; do
            setup_say "$(printf '  %-20s %s' "$package" "$why")"
        done <<<"$missing"
        mapfile -t packages < <(cut -d'|' -f1 <<<"$missing")
        if [[ $(id -u) != 0 ]]; then
            as_root=$(command -v sudo || true)
            [[ -n $as_root ]] || setup_say "(not root, and there is no sudo)"
        fi
        if setup_install "$as_root" "${packages[@]}"; then
            hash -r
            missing=$(setup_missing "$table")
            [[ -n $missing ]] || return 0
        else
            setup_say "apt-get could not install them; going on with what is here."
        fi
    fi

    setup_say "Missing (names of the Debian packages):"
    while IFS='|' read -r package probe why essential; do
        setup_say "$(printf '  %-20s %s' "$package" "$why")"
        [[ " $essential " == *" $purpose "* ]] && ! setup_probe "$probe" && stuck+=" $package"
    done <<<"$missing"
    if [[ -n $stuck ]]; then
        setup_say "Cannot go on without:$stuck"
        ! setup_is_debian || setup_say "As root: apt-get update && apt-get install$stuck"
        return 1
    fi
    setup_say "The essentials are here. Going on without the rest."
}

# setup_install <sudo or empty> <package>...: quiet unless it fails. The lists that are here may do; if not, they are renewed first.
setup_install() {
    local as_root=$1 log
    shift
    [[ $(id -u) == 0 || -n $as_root ]] || return 1
    log=$(mktemp)
    if { setup_apt "$as_root" install -y --no-install-recommends "$@" ||
         { setup_apt "$as_root" update && setup_apt "$as_root" install -y --no-install-recommends "$@"; }; } </dev/null >"$log" 2>&1; then
        rm -f "$log"
        return 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
}

# setup_apt <sudo or empty> <apt-get's arguments>...: asks nothing, and gives up in reasonable time where there is no network.
setup_apt() {
    local as_root=$1
    shift
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
        -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=120 "$@"
}

# The compiler to use when nobody chose one (CMake would look for c++ and g++ only).
setup_choose_compiler() {
    if [[ -z ${CXX:-} ]] && ! command -v c++ >/dev/null && ! command -v g++ >/dev/null; then
        CXX=$(command -v clang++ || command -v clang++-14) && export CXX
    fi
}
