# SPDX-License-Identifier: Apache-2.0
#
# The library target: every src/**/*.cpp except the integrations, which bring other people's libraries with them.

find_package(Threads REQUIRED)

# polder_add_library(<target>): the core library under a given name. A test that needs a variant of it (another macro)
# calls this again and adds its own definitions.
function(polder_add_library target)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${polder_SOURCE_DIR}/src/*.cpp")
    list(FILTER sources EXCLUDE REGEX "/src/integrations/")
    if(NOT sources)
        message(FATAL_ERROR "no sources under ${polder_SOURCE_DIR}/src")
    endif()

    add_library(${target} ${sources})
    target_include_directories(${target} PUBLIC
        "$<BUILD_INTERFACE:${polder_SOURCE_DIR}/include>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_compile_definitions(${target} PUBLIC
        POLDER_CHECKED=$<BOOL:${POLDER_CHECKED}>
        $<$<BOOL:${POLDER_NO_RSEQ}>:POLDER_NO_RSEQ=1>)
    target_link_libraries(${target} PUBLIC Threads::Threads)
    set_target_properties(${target} PROPERTIES
        VERSION ${polder_VERSION}
        SOVERSION ${polder_VERSION_MAJOR}.${polder_VERSION_MINOR})
    polder_own(${target})
endfunction()
