# SPDX-License-Identifier: Apache-2.0
#
# How a *_test.cpp becomes a program and one or more tests. Every program links GoogleMock's main; a file that has a main of
# its own keeps it.

# support/*.cpp, and one precompiled <gtest/gtest.h> that all test programs share: it halves their compile time.
function(polder_test_support)
    file(GLOB sources CONFIGURE_DEPENDS support/*.cpp)
    file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/empty.cpp.in" "// nothing: a place to hang the precompiled header on\n")
    configure_file("${CMAKE_CURRENT_BINARY_DIR}/empty.cpp.in" "${CMAKE_CURRENT_BINARY_DIR}/empty.cpp" COPYONLY)
    add_library(polder_test_support STATIC ${sources} "${CMAKE_CURRENT_BINARY_DIR}/empty.cpp")
    target_include_directories(polder_test_support PUBLIC "${polder_SOURCE_DIR}" "${polder_SOURCE_DIR}/tests")
    target_link_libraries(polder_test_support PUBLIC polder::polder GTest::gmock ${CMAKE_DL_LIBS})
    target_precompile_headers(polder_test_support PRIVATE <gtest/gtest.h>)
    polder_own(polder_test_support)
endfunction()

# polder_test_program(<name> <source>): the executable, named like its test.
function(polder_test_program name source)
    add_executable(${name} ${source})
    target_link_libraries(${name} PRIVATE polder_test_support GTest::gmock_main)
    target_precompile_headers(${name} REUSE_FROM polder_test_support)
    polder_own(${name})
endfunction()

# polder_tests(<folder> [PER_ROOM] [SWITCHES] [VALGRIND] [ALONE] [TIMEOUT <seconds>] [NEEDS <target>])
#   PER_ROOM  one more level of folders, the rooms; integrations/<x> needs the component polder::<x>
#   SWITCHES  also without restartable sequences: not registered (.no_rseq) and, for conformance, switched off (.switched_off)
#   VALGRIND  also under memcheck; a line "// Under valgrind: <filter>" in the source says which of its tests, "none" none of them
#   ALONE     not beside other tests
function(polder_tests folder)
    cmake_parse_arguments(arg "PER_ROOM;SWITCHES;VALGRIND;ALONE" "TIMEOUT;NEEDS" "" ${ARGN})
    if(arg_NEEDS AND NOT TARGET ${arg_NEEDS})
        return()
    endif()
    if(arg_PER_ROOM)
        file(GLOB sources CONFIGURE_DEPENDS ${folder}/*/*_test.cpp)
    else()
        file(GLOB sources CONFIGURE_DEPENDS ${folder}/*_test.cpp)
    endif()
    if(POLDER_SANITIZE MATCHES "thread|address")
        math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 2")
    endif()

    foreach(source IN LISTS sources)
        cmake_path(GET source STEM LAST_ONLY stem)
        string(REGEX REPLACE "_test$" "" stem "${stem}")
        set(name ${folder}.${stem})
        set(component "")
        if(arg_PER_ROOM)
            cmake_path(GET source PARENT_PATH room)
            cmake_path(GET room FILENAME room)
            set(name ${folder}.${room}.${stem})
            if(room STREQUAL "integrations")
                set(component polder_${stem})
                if(NOT TARGET ${component})
                    continue()
                endif()
            endif()
        endif()

        polder_test_program(${name} ${source})
        target_link_libraries(${name} PRIVATE ${arg_NEEDS} ${component})

        add_test(NAME ${name} COMMAND ${name})
        set(plain ${name})
        if(arg_SWITCHES AND NOT POLDER_NO_RSEQ)
            add_test(NAME ${name}.no_rseq COMMAND ${name})
            set_tests_properties(${name}.no_rseq PROPERTIES
                ENVIRONMENT GLIBC_TUNABLES=glibc.pthread.rseq=0 LABELS "${folder};no_rseq")
            list(APPEND plain ${name}.no_rseq)
            if(folder STREQUAL "conformance")
                add_test(NAME ${name}.switched_off COMMAND ${name})
                set_tests_properties(${name}.switched_off PROPERTIES
                    ENVIRONMENT POLDER_RSEQ=0 LABELS "${folder};no_rseq")
                list(APPEND plain ${name}.switched_off)
            endif()
        endif()
        set_tests_properties(${plain} PROPERTIES TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${arg_ALONE})
        set_property(TEST ${plain} APPEND PROPERTY LABELS ${folder})

        set(filter "*")
        file(STRINGS "${source}" wish REGEX "^// Under valgrind: " LIMIT_COUNT 1)
        if(wish MATCHES "^// Under valgrind: ([^ ]+)")
            set(filter "${CMAKE_MATCH_1}")
        endif()
        if(arg_VALGRIND AND VALGRIND AND NOT filter STREQUAL "none" AND NOT POLDER_SANITIZE AND NOT POLDER_COVERAGE)
            add_test(NAME ${name}.valgrind
                COMMAND ${VALGRIND} -q --error-exitcode=99 --fair-sched=yes
                        --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
                        $<TARGET_FILE:${name}> "--gtest_filter=${filter}")
            set_tests_properties(${name}.valgrind PROPERTIES
                ENVIRONMENT POLDER_TEST_SCALE=small LABELS "${folder};valgrind" TIMEOUT 600)
        endif()
    endforeach()
endfunction()
