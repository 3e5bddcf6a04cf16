# SPDX-License-Identifier: Apache-2.0
#
# Integrations (rank 7): one optional component each, built when the other library is installed. The core knows none of them.
#
#   polder_add_integration(<name> [HEADER <their header>] [LIBRARIES <what to link>...])
#
# makes polder::<name> out of include/polder/integrations/<name>.hpp and, if there is one, src/integrations/<name>.cpp.
# Does nothing while our header does not exist; says so when theirs does not.

include(CheckIncludeFileCXX)
define_property(GLOBAL PROPERTY POLDER_INTEGRATIONS)

function(polder_add_integration name)
    cmake_parse_arguments(arg "" "HEADER" "LIBRARIES" ${ARGN})
    if(NOT EXISTS "${polder_SOURCE_DIR}/include/polder/integrations/${name}.hpp")
        return()
    endif()
    if(arg_HEADER)
        check_include_file_cxx("${arg_HEADER}" POLDER_HAS_${name}_HEADER)
        if(NOT POLDER_HAS_${name}_HEADER)
            message(STATUS "polder::${name}: skipped, not found: <${arg_HEADER}>")
            return()
        endif()
    endif()

    set(source "${polder_SOURCE_DIR}/src/integrations/${name}.cpp")
    if(EXISTS "${source}")
        add_library(polder_${name} "${source}")
        target_link_libraries(polder_${name} PUBLIC polder ${arg_LIBRARIES})
        set_target_properties(polder_${name} PROPERTIES
            VERSION ${polder_VERSION}
            SOVERSION ${polder_VERSION_MAJOR}.${polder_VERSION_MINOR})
        polder_own(polder_${name})
    else()
        add_library(polder_${name} INTERFACE)
        target_link_libraries(polder_${name} INTERFACE polder ${arg_LIBRARIES})
    endif()
    set_target_properties(polder_${name} PROPERTIES EXPORT_NAME ${name})
    add_library(polder::${name} ALIAS polder_${name})
    set_property(GLOBAL APPEND PROPERTY POLDER_INTEGRATIONS ${name})
endfunction()

polder_add_integration(pmr)
