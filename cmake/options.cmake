# SPDX-License-Identifier: Apache-2.0
#
# Every switch of the build, in one place. A project that embeds polder sees the library and nothing else; all the rest
# is for its own developers.
#
# AUTO means: build it if what it needs is installed, say so if not. ON means: stop if something is missing.

option(POLDER_DEVELOPER "Warnings, tests, examples and checks for people who work on polder itself" ${PROJECT_IS_TOP_LEVEL})
option(POLDER_INSTALL "Install rules" ${PROJECT_IS_TOP_LEVEL})

set(polder_auto OFF)
if(POLDER_DEVELOPER)
    set(polder_auto AUTO)
endif()

function(polder_switch name default text)
    set(${name} "${default}" CACHE STRING "${text}")
    set_property(CACHE ${name} PROPERTY STRINGS AUTO ON OFF)
endfunction()

if(PROJECT_IS_TOP_LEVEL)
    polder_switch(POLDER_TOOLS AUTO "The `polder` command (needs CLI11, nlohmann-json, fmt)")
else()
    polder_switch(POLDER_TOOLS OFF "The `polder` command (needs CLI11, nlohmann-json, fmt)")
endif()
polder_switch(POLDER_TESTS ${polder_auto} "Tests (need GoogleTest; some need rapidcheck, python3, valgrind)")
polder_switch(POLDER_BENCH ${polder_auto} "Benchmarks (need Google Benchmark)")
option(POLDER_EXAMPLES "Example programs" ${POLDER_DEVELOPER})
# Off in the presets of sanitizers and coverage: instrumented code makes gcc warn of what is not there.
option(POLDER_WERROR "Warnings in our own code are errors (developers only)" ${POLDER_DEVELOPER})

# What changes the library itself. Both reach whoever links it, because headers contain code too.
set(polder_checked_default OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
    set(polder_checked_default ON)
endif()
option(POLDER_CHECKED "Evaluate invariants at run time" ${polder_checked_default})
option(POLDER_NO_RSEQ "Leave restartable sequences out (ThreadSanitizer cannot see them)" OFF)

set(POLDER_SANITIZE "" CACHE STRING "Sanitizers for everything built here, e.g. address,undefined (developers only)")
option(POLDER_COVERAGE "Count executed lines (developers only)" OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND PROJECT_IS_TOP_LEVEL)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

# polder_settle(<switch> <missing>...): turns AUTO into ON or OFF for the calling scope and says why; stops when ON cannot be kept.
function(polder_settle name)
    if(NOT ARGN)
        set(${name} ON PARENT_SCOPE)
        return()
    endif()
    list(JOIN ARGN ", " missing)
    if(${name} STREQUAL "AUTO")
        message(STATUS "${name}: skipped, not found: ${missing}")
        set(${name} OFF PARENT_SCOPE)
    else()
        message(FATAL_ERROR "${name}=ON, but not found: ${missing}")
    endif()
endfunction()
