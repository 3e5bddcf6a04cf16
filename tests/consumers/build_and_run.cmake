# SPDX-License-Identifier: Apache-2.0
#
# Configures, builds and runs the project in the folder WAY, as a stranger would.

set(build "${WORK_DIR}/${WAY}")
file(REMOVE_RECURSE "${build}")
set(ENV{PKG_CONFIG_PATH} "${WORK_DIR}/prefix/${LIBDIR}/pkgconfig")
set(ENV{LD_LIBRARY_PATH} "${WORK_DIR}/prefix/${LIBDIR}:$ENV{LD_LIBRARY_PATH}")

function(run)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
    if(NOT result EQUAL 0)
        list(JOIN ARGV " " command)
        message(FATAL_ERROR "${command}\n${output}")
    endif()
endfunction()

run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/${WAY}" -B "${build}" -G "${GENERATOR}"
    "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}"
    "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix" "-DPOLDER_SOURCE_DIR=${POLDER_SOURCE_DIR}")
run("${CMAKE_COMMAND}" --build "${build}")
run("${build}/program")
