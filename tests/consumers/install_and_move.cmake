# SPDX-License-Identifier: Apache-2.0
#
# Installs the build to one place and moves the tree to another.

file(REMOVE_RECURSE "${WORK_DIR}/first_place" "${WORK_DIR}/prefix")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${POLDER_BINARY_DIR}" --prefix "${WORK_DIR}/first_place"
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${WORK_DIR}/first_place" "${WORK_DIR}/prefix")

file(GLOB_RECURSE installed "${WORK_DIR}/prefix/*.cmake" "${WORK_DIR}/prefix/*.pc")
foreach(file IN LISTS installed)
    file(READ "${file}" text)
    foreach(place IN ITEMS "${WORK_DIR}" "${POLDER_SOURCE_DIR}" "${POLDER_BINARY_DIR}")
        string(FIND "${text}" "${place}" found)
        if(NOT found EQUAL -1)
            message(FATAL_ERROR "${file} remembers the place ${place}")
        endif()
    endforeach()
endforeach()
