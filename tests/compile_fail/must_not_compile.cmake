# SPDX-License-Identifier: Apache-2.0
#
# cmake -D COMPILER=.. -D INCLUDE_DIR=.. -D SOURCE=.. -P must_not_compile.cmake
# Succeeds if SOURCE compiles with POLDER_CONTROL, does not compile without, and is refused with the expected message.

file(STRINGS "${SOURCE}" expected REGEX "^// expect: " LIMIT_COUNT 1)
string(REGEX REPLACE "^// expect: *" "" expected "${expected}")
if(expected STREQUAL "")
    message(FATAL_ERROR "${SOURCE}: no line `// expect: <regular expression>`")
endif()

set(compile "${COMPILER}" -std=c++20 -fsyntax-only -Wall -Wextra -Werror "-I${INCLUDE_DIR}" -DPOLDER_CHECKED=0 "${SOURCE}")
set(ENV{LC_ALL} C)

execute_process(COMMAND ${compile} -DPOLDER_CONTROL RESULT_VARIABLE result ERROR_VARIABLE output)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "${SOURCE}: does not compile even without its mistake (POLDER_CONTROL defined):\n${output}")
endif()
execute_process(COMMAND ${compile} RESULT_VARIABLE result ERROR_VARIABLE output)
if(result EQUAL 0)
    message(FATAL_ERROR "${SOURCE}: compiles, and must not")
endif()
if(NOT output MATCHES "${expected}")
    message(FATAL_ERROR "${SOURCE}: refused, but not for the expected reason.\nexpected: ${expected}\n${output}")
endif()
